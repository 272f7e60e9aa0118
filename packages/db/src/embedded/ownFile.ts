import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { PortsError } from '@ports/core'
import { nameOf } from './serverAccount.js'

const { O_NOFOLLOW, O_NONBLOCK } = constants

/**
 * Opens a regular file of that owner, and nothing else: it follows no link and does not wait on a
 * FIFO. The caller works on the descriptor, so nobody can exchange the file afterwards.
 * @throws {PortsError} `DATABASE_UNAVAILABLE` naming the file and whose it is
 */
export function openOwnFile(path: string, flags: number, owner: number): number {
  const file = openWithoutLink(path, flags)
  const stats = fstatSync(file)
  if (stats.isFile() && stats.uid === owner) return file
  closeSync(file)
  throw refused(path, stats.isFile() ? `belongs to ${nameOf(stats.uid)}` : 'is not a regular file')
}

/**
 * The text of a file that `openOwnFile` opens.
 * @throws {PortsError} as `openOwnFile`
 */
export function readOwnFile(path: string, owner: number): string {
  const file = openOwnFile(path, constants.O_RDONLY, owner)
  try {
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

function openWithoutLink(path: string, flags: number): number {
  try {
    return openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, 0o600)
  } catch (error) {
    // open(2) refuses a link this way under O_NOFOLLOW.
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw refused(path, 'is a link', error)
    throw error
  }
}

function refused(path: string, reason: string, cause?: unknown): PortsError {
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `${path} ${reason}, but the registry keeps a file of its own there. Move it away, or set ` +
      'PORTS_HOME to another directory.',
    { path },
    { cause },
  )
}
