import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { invalidArgument, PortsError } from './errors.js'
import { statOf } from './statOf.js'

/** In bytes. More than anybody writes about a project. */
const MAX_SIZE = 1_000_000

/**
 * The text of a file that a directory is expected to have. Never waits for another process, as a FIFO
 * would.
 * @throws {PortsError} `INVALID_ARGUMENT`, naming the file, if it cannot be read, is no regular file
 * or is too large
 */
export function readTextFile(path: string): string {
  try {
    return contentOf(path)
  } catch (error) {
    if (error instanceof PortsError) throw error
    throw invalidArgument('file', path, `a file that can be read (${(error as Error).message})`)
  }
}

/** Undefined where `readTextFile` throws. For a file that need not be there. */
export function textOfFile(path: string): string | undefined {
  try {
    return contentOf(path)
  } catch {
    return undefined
  }
}

function contentOf(path: string): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = statOf(descriptor)
    if (!stats.isFile()) throw invalidArgument('file', path, 'a regular file')
    if (stats.size > MAX_SIZE) {
      throw invalidArgument('file', path, `a file of at most ${MAX_SIZE} bytes`)
    }
    return readFileSync(descriptor, 'utf8')
  } finally {
    closeSync(descriptor)
  }
}
