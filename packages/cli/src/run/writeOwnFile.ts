import { readFile } from 'node:fs/promises'
import { invalidArgument } from '@ports/core'
import { writeOutput } from '../writeOutput.js'

const HEADER = '# Written by ports up. The next one replaces this file.'

/**
 * Writes variables to a file. Replaces only a file that was written here, because the content of
 * one that a person wrote cannot be restored.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export async function writeOwnFile(path: string, variables: string): Promise<void> {
  const before = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw invalidArgument('write', path, `a file that can be written (${error.message})`)
  })
  if (before.trim() !== '' && !before.startsWith(HEADER)) {
    throw invalidArgument('write', path, 'a new file, or one that ports up wrote')
  }
  await writeOutput('write', path, `${HEADER}\n${variables}`)
}
