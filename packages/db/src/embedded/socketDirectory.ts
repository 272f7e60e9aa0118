import { createHash } from 'node:crypto'
import { existsSync, lchownSync, lstatSync, mkdirSync } from 'node:fs'
import { PortsError } from '@ports/core'
import { clusterFiles } from './registryHome.js'
import { isRoot, type ServerAccount } from './serverAccount.js'

/** Part of the socket's file name; nothing listens on TCP. */
export const SOCKET_PORT = 5432

/** What sockaddr_un holds, without the closing NUL: unix(7) on Linux, unix(4) on macOS. */
const LONGEST_PATH = process.platform === 'darwin' ? 103 : 107

/**
 * Where the server's socket is: beside its data, or where that path is too long for a socket, under
 * `/tmp` by a name that follows from it. Never from TMPDIR or XDG_RUNTIME_DIR: they differ between
 * a login, a cron job and an agent of one user, and all must find the same server.
 */
export function socketDirectory(data: string): string {
  const beside = clusterFiles.sockets(data)
  if (Buffer.byteLength(`${beside}/.s.PGSQL.${SOCKET_PORT}`) <= LONGEST_PATH) return beside
  const key = createHash('sha256').update(data).digest('hex').slice(0, 16)
  return `/tmp/ports-${key}`
}

/** Makes it enterable by the server's account alone. */
export function ensureSocketDirectory(directory: string, account: ServerAccount): void {
  if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 })
  // Root's until it is given away; whoever was to do that may have been killed before.
  if (isRoot() && lstatSync(directory).uid === 0) {
    lchownSync(directory, account.uid, account.gid)
  }

  // Under /tmp anyone could have been here first, to stand between the server and its clients.
  const found = lstatSync(directory)
  if (!found.isDirectory() || found.uid !== account.uid || (found.mode & 0o077) !== 0) {
    throw new PortsError(
      'DATABASE_UNAVAILABLE',
      `${directory} should be a directory that only ${account.name} can enter, and is not. ` +
        'Remove it, or set PORTS_HOME to a shorter path.',
      { directory },
    )
  }
}
