import { statSync } from 'node:fs'
import { PortsError } from '@ports/core'
import { Client, type ClientConfig } from 'pg'
import { postmasterPid } from './lockFiles.js'
import { DATABASE_ROLE } from './roles.js'
import {
  ServerSocket,
  SOCKET_PORT,
  socketDirectory,
  UnsafeSocketDirectory,
} from './socketDirectory.js'

/** A server that is stopped (SIGSTOP) takes connections and does not answer. */
const ANSWER_TIMEOUT_MS = 10_000

/**
 * Every setting of a connection. `pg` takes those that are left out from the environment variables
 * of PostgreSQL's clients (PGOPTIONS, PGSSLMODE and others), which are meant for other servers.
 */
export function connectionOf(data: string, role: string): ClientConfig {
  const owner = statSync(data).uid
  const settings = {
    host: socketDirectory(data),
    port: SOCKET_PORT,
    user: role,
    database: 'postgres',
    // Peer authentication asks for none.
    password: () => '',
    ssl: false,
    sslnegotiation: 'postgres',
    client_encoding: 'UTF8',
    replication: 'false',
    options: '-c search_path=pg_catalog',
    application_name: 'ports',
    stream: () => new ServerSocket(data, owner),
  }
  return settings as ClientConfig
}

/** Whether the server answers connections now, even if it refuses them. */
export async function isAccepting(data: string): Promise<boolean> {
  return (await serverState(data)) === 'accepting'
}

/**
 * A `not-ready` server answers that it is not ready. Nothing is behind the socket of an
 * `unreachable` one.
 */
type ServerState = 'accepting' | 'not-ready' | 'unreachable'

export async function serverState(data: string): Promise<ServerState> {
  try {
    await tryConnection(data, DATABASE_ROLE)
    return 'accepting'
  } catch (error) {
    const { severity, message } = error as { severity?: string; message: string }
    if (isNotRunning(error)) return severity === undefined ? 'unreachable' : 'not-ready'
    // A refusal, such as of too many connections or of an unknown user, is also an answer.
    if (severity !== undefined) return 'accepting'
    if (message !== 'timeout expired') throw error
    throw new PortsError(
      'DATABASE_UNAVAILABLE',
      `The embedded database in ${data} accepts connections but does not answer. Its process is ` +
        `${postmasterPid(data)}. If that process is stopped, resume it: kill -CONT ${postmasterPid(data)}`,
      { dataDirectory: data },
      { cause: error },
    )
  }
}

/**
 * Connects and disconnects.
 * @throws the error of the connection
 */
export async function tryConnection(data: string, role: string): Promise<void> {
  const client = new Client({
    ...connectionOf(data, role),
    connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
  })
  // A server that goes away also causes an event, which would end this process if it had no
  // listener.
  client.on('error', () => {})
  await client.connect()
  await client.end()
}

/**
 * Whether no server is behind the socket, or one that is not ready (57P03), is going away, or may
 * not be ours. An attempt to start ours then finds out who has the data.
 */
export function isNotRunning(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string }
  return (
    ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(code ?? '') ||
    ['57P01', '57P02', '57P03'].includes(code ?? '') ||
    // pg reports this, without a code, when the server ends its backends during a connection
    // attempt.
    message === 'Connection terminated unexpectedly' ||
    error instanceof UnsafeSocketDirectory
  )
}
