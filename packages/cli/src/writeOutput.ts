import { writeFile } from 'node:fs/promises'
import { invalidArgument } from '@ports/core'

/**
 * Writes a file.
 * @param field what named it, for the error
 * @param flag `wx` fails if there is such a file
 * @throws {PortsError} `INVALID_ARGUMENT` if it cannot be written
 */
export async function writeOutput(
  field: string,
  file: string,
  content: string,
  flag: 'w' | 'wx' = 'w',
): Promise<void> {
  try {
    await writeFile(file, content, { flag })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw invalidArgument(field, file, `a file that can be written (${reason})`)
  }
}
