import { writeFile } from 'node:fs/promises'
import { invalidArgument } from '@ports/core'

/**
 * Writes a file.
 * @param flag as `open` takes it
 * @throws {PortsError} `INVALID_ARGUMENT` if it cannot be written
 */
export async function writeTextFile(
  file: string,
  content: string,
  flag: 'w' | 'wx',
): Promise<void> {
  try {
    await writeFile(file, content, { flag })
  } catch (error) {
    const reason = (error as Error).message
    throw invalidArgument('file', file, `a file that can be written (${reason})`)
  }
}
