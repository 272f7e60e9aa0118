import { writeFile } from 'node:fs/promises'
import { invalidArgument } from '@ports/core'

/**
 * Writes a file that is not there yet.
 * @param field what named it, for the error
 * @throws {PortsError} `INVALID_ARGUMENT` if it cannot be written, or is there by now
 */
export async function writeNewFile(field: string, file: string, content: string): Promise<void> {
  try {
    await writeFile(file, content, { flag: 'wx' })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw invalidArgument(field, file, `a file that can be written (${reason})`)
  }
}
