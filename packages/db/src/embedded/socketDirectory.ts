import {
  closeSync,
  constants,
  existsSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
} from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { PortsError } from '@ports/core'
import { clusterFiles } from './registryHome.js'
import { isRoot, type ServerAccount } from './serverAccount.js'

/** Part of the socket's file name; nothing listens on TCP. */
export const SOCKET_PORT = 5432

const SOCKET = `.s.PGSQL.${SOCKET_PORT}`

/** What sockaddr_un holds, without the closing NUL: unix(7) on Linux, unix(4) on macOS. */
const LONGEST_PATH = process.platform === 'darwin' ? 103 : 107

/**
 * Where the server's socket is: beside its data, whatever the length of the path. Under `/tmp`
 * another user could be first, and callers with another `/tmp` would not find it.
 */
export function socketDirectory(data: string): string {
  return clusterFiles.sockets(data)
}

/** As the server names it: it works in its data directory, and a long path fits no socket. */
export const SOCKETS_FROM_DATA = '../run'

/** Makes it enterable by the server's account alone. */
export function ensureSocketDirectory(data: string, account: ServerAccount): void {
  const directory = socketDirectory(data)
  if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 })
  const handle = openSocketDirectory(data, account.uid)
  // Root's until it is given away; the process that was to do that may have been killed before.
  if (isRoot() && fstatSync(handle).uid === 0) fchownSync(handle, account.uid, account.gid)
  closeSync(handle)
}

/** @throws {UnsafeSocketDirectory} where there is one that others can enter */
export function refuseUnsafeSocketDirectory(data: string, { uid }: ServerAccount): void {
  if (existsSync(socketDirectory(data))) closeSync(openSocketDirectory(data, uid))
}

/**
 * A socket that connects to the registry's server and to no other: its directory must be one that
 * only the server's account can enter, so that nobody else can listen there. Throws nothing; like
 * any socket it fails by its `error` event.
 */
export class ServerSocket extends Socket {
  readonly #data: string
  readonly #owner: number

  constructor(data: string, owner: number) {
    super()
    this.#data = data
    this.#owner = owner
  }

  /** The address is this one, whatever `pg` has made of host and port. */
  override connect(): this {
    try {
      const directory = openSocketDirectory(this.#data, this.#owner)
      const close = () => closeSync(directory)
      this.once('close', close)
      this.once('connect', () => {
        this.off('close', close)
        close()
      })
      return super.connect({ path: addressOf(this.#data, directory) })
    } catch (error) {
      return this.destroy(error as Error)
    }
  }

  override destroy(error?: Error): this {
    return super.destroy(error && isForbidden(error) ? sandboxed(error) : error)
  }
}

/**
 * What a sandbox answers that forbids Unix sockets: seccomp and Seatbelt EPERM or EAFNOSUPPORT, a
 * security module EACCES. The directory was opened before, so it is not its mode.
 */
function isForbidden(error: Error): boolean {
  const { code = '', syscall } = error as NodeJS.ErrnoException
  return syscall === 'connect' && ['EPERM', 'EACCES', 'EAFNOSUPPORT'].includes(code)
}

function sandboxed(cause: Error): PortsError {
  return new PortsError(
    'SANDBOXED',
    `This process may not use Unix sockets (${cause.message}), as in a sandbox, and the registry's ` +
      'database is reached by one. Nothing was changed. Run this outside the sandbox, allow it Unix ' +
      'sockets, or set PORTS_DATABASE_URL to a PostgreSQL that it can reach over the network.',
    {},
    { cause },
  )
}

/** A path that is too long for a socket has a short one through the directory's descriptor. */
function addressOf(data: string, directory: number): string {
  const path = join(socketDirectory(data), SOCKET)
  if (Buffer.byteLength(path) <= LONGEST_PATH) return path
  if (existsSync('/proc/self/fd')) return `/proc/self/fd/${directory}/${SOCKET}`
  throw new PortsError(
    'DATABASE_UNAVAILABLE',
    `${path} is longer than the ${LONGEST_PATH} bytes that the path of a socket can have. ` +
      'Set PORTS_HOME to a shorter path.',
    { path },
  )
}

/** @throws {UnsafeSocketDirectory} */
function openSocketDirectory(data: string, owner: number): number {
  const directory = socketDirectory(data)
  const { O_DIRECTORY, O_NOFOLLOW } = constants
  const handle = openSync(directory, O_DIRECTORY | O_NOFOLLOW)
  const { uid, mode } = fstatSync(handle)
  // Root's own is one that it was killed before giving away; there, too, nobody else can listen.
  if ((uid === owner || uid === 0) && (mode & 0o077) === 0) return handle
  closeSync(handle)
  throw new UnsafeSocketDirectory(directory)
}

/** Nobody that the caller may speak to can be reached by such a directory. */
export class UnsafeSocketDirectory extends PortsError {
  constructor(directory: string) {
    super(
      'DATABASE_UNAVAILABLE',
      `${directory} should be a directory that only the registry's server can enter, and is not. ` +
        'Remove it, and the next call makes it again.',
      { directory },
    )
  }
}
