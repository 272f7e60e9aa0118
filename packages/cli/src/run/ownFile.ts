import { invalidArgument } from '@ports/core'
import { type OutputFile, readOutputFile, writeOutputFile } from '../outputFile.js'

const HEADER = '# Written by ports up. The next one replaces this file.'

/**
 * A file for variables: a new one, or one that was written here, because one that a person wrote has
 * what cannot be got again.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export async function readOwnFile(name: string): Promise<OutputFile> {
  const file = await readOutputFile('write', name)
  const { content = '' } = file
  if (content.trim() === '' || content.startsWith(HEADER)) return file
  throw invalidArgument('write', name, 'a new file, or one that ports up wrote')
}

/** @throws {PortsError} `INVALID_ARGUMENT` if it cannot be written */
export async function writeOwnFile(file: OutputFile, variables: string): Promise<void> {
  await writeOutputFile(file, `${HEADER}\n${variables}`)
}
