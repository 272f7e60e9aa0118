import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { invalidArgument } from '@ports/core'

/**
 * The text of a file, or of standard input if none or `-` is named, and its name in errors.
 * @param field what named the file
 * @throws {PortsError} `INVALID_ARGUMENT` if the file cannot be read
 */
export async function readInput(file: string | undefined, field = 'file') {
  const isStandardInput = file === undefined || file === '-'
  const content = isStandardInput ? await text(process.stdin) : await contentOf(file, field)
  return {
    source: isStandardInput ? 'standard input' : file,
    // Spreadsheets and some editors write a byte order mark.
    content: content.replace(/^\uFEFF/, ''),
  }
}

async function contentOf(file: string, field: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw invalidArgument(field, file, `a file that can be read (${reason})`)
  }
}
