import {
  closeSync,
  constants,
  existsSync,
  fchownSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
  statSync,
} from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { PortsError } from '@ports/core'
import { clusterFiles } from './registryHome.js'
import { isRoot, nameOf, type ServerAccount } from './serverAccount.js'
import { isForbidden } from './unixSockets.js'

/** Part of the socket's file name; nothing listens on TCP. */
export const SOCKET_PORT = 5432

const SOCKET = `.s.PGSQL.${SOCKET_PORT}`

/** All that PostgreSQL makes in the directory of its socket. */
export const SOCKET_FILES: readonly string[] = [SOCKET, `${SOCKET}.lock`]

/** The longest path in sockaddr_un, without the closing NUL: unix(7) on Linux, unix(4) on macOS. */
const LONGEST_PATH = process.platform === 'darwin' ? 103 : 107

/**
 * The directory of the server's socket: beside its data, however long the path. Under `/tmp`
 * another user could create it first, and callers with another `/tmp` would not find it.
 */
export function socketDirectory(data: string): string {
  return clusterFiles.sockets(data)
}

/**
 * The same directory as the server gets it. It is relative to the server's data directory, because
 * a long path does not fit into a socket's address.
 */
export const SOCKETS_FROM_DATA = '../run'

/** Makes the directory, which only the server's account can enter. */
export function ensureSocketDirectory(data: string, account: ServerAccount): void {
  const directory = socketDirectory(data)
  if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 })
  const handle = openSocketDirectory(data, account.uid)
  // The directory is root's until it is given away. A process may have been killed before it did
  // that.
  if (isRoot() && fstatSync(handle).uid === 0) fchownSync(handle, account.uid, account.gid)
  closeSync(handle)
}

/** @throws {UnsafeSocketDirectory} if it exists and others can enter it */
export function refuseUnsafeSocketDirectory(data: string, { uid }: ServerAccount): void {
  if (existsSync(socketDirectory(data))) closeSync(openSocketDirectory(data, uid))
}

/**
 * A socket that connects to the registry's server and to no other: its directory must be one that
 * only the server's account can enter, so that nobody else can listen there. It throws nothing;
 * like any socket it reports a failure by its `error` event.
 */
export class ServerSocket extends Socket {
  readonly #data: string
  readonly #owner: number

  constructor(data: string, owner: number) {
    super()
    this.#data = data
    this.#owner = owner
  }

  /** Connects to the registry's socket, whatever `pg` has made of host and port. */
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
    // The directory has been opened already, so its mode is not the reason.
    return super.destroy(error && isForbidden(error) ? sandboxed(error) : error)
  }
}

function sandboxed(cause: Error): PortsError {
  return new PortsError(
    'SANDBOXED',
    `This process may not use Unix sockets (${cause.message}), as in a sandbox, and the registry's ` +
      'database listens on one. Nothing was changed. Run this outside the sandbox, allow it Unix ' +
      'sockets, or set PORTS_DATABASE_URL to a PostgreSQL on the network that it may connect to.',
    {},
    { cause },
  )
}

/**
 * A path that is too long for a socket is replaced by a short one through the directory's
 * descriptor.
 */
function addressOf(data: string, directory: number): string {
  const path = socketPath(data)
  if (fits(path)) return path
  if (existsSync('/proc/self/fd')) return `/proc/self/fd/${directory}/${SOCKET}`
  throw new PortsError(
    'DATABASE_UNAVAILABLE',
    `${path} is longer than the ${LONGEST_PATH} bytes that the path of a socket can have. ` +
      'Set PORTS_HOME to a shorter path.',
    { path },
  )
}

function socketPath(data: string): string {
  return join(socketDirectory(data), SOCKET)
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= LONGEST_PATH
}

/** @throws {UnsafeSocketDirectory} */
function openSocketDirectory(data: string, owner: number): number {
  const directory = socketDirectory(data)
  const { O_DIRECTORY, O_NOFOLLOW } = constants
  const handle = openSync(directory, O_DIRECTORY | O_NOFOLLOW)
  if (isSafe(fstatSync(handle), owner)) return handle
  closeSync(handle)
  throw new UnsafeSocketDirectory(directory)
}

/** A directory that still belongs to root is safe too, because nobody else can listen there. */
function isSafe({ uid, mode }: Stats, owner: number): boolean {
  return (uid === owner || uid === 0) && (mode & 0o077) === 0
}

export interface SocketState {
  readonly directory: string
  /** Undefined if the directory does not exist. The server makes it when it starts. */
  readonly found?: {
    readonly owner: string
    /** Its permissions, such as `700`. */
    readonly mode: string
    /** Whether only the server's account can enter it. */
    readonly isSafe: boolean
  }
  /** The length of the socket's path, in bytes. */
  readonly pathLength: number
  /** The longest path that a socket's address can hold, in bytes. */
  readonly longestPath: number
}

/** The socket's directory as it is now. Changes nothing. */
export function socketState(data: string): SocketState {
  const directory = socketDirectory(data)
  const stats = lstatSync(directory, { throwIfNoEntry: false })
  return {
    directory,
    ...(stats && {
      found: {
        owner: nameOf(stats.uid),
        mode: (stats.mode & 0o7777).toString(8),
        isSafe: stats.isDirectory() && isSafe(stats, statSync(data).uid),
      },
    }),
    pathLength: Buffer.byteLength(socketPath(data)),
    longestPath: LONGEST_PATH,
  }
}

/** A socket directory in which another user may listen. */
export class UnsafeSocketDirectory extends PortsError {
  constructor(directory: string) {
    super(
      'DATABASE_UNAVAILABLE',
      `${directory} should be a directory that only the registry's server can enter, but it is not. ` +
        'Remove it, and the next call makes it again.',
      { directory },
    )
  }
}
