import { spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  fchownSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PortsError } from '@ports/core'
import { Client, type ClientConfig } from 'pg'
import { binariesFor, DATABASE_ROLE } from './createCluster.js'
import { clusterFiles } from './registryHome.js'
import { accountOf, isRoot } from './serverAccount.js'
import { ensureSocketDirectory, SOCKET_PORT, socketDirectory } from './socketDirectory.js'

const POLL_MS = 10
/** Crash recovery replays at most max_wal_size; a minute is far more than that takes. */
const START_TIMEOUT_MS = 60_000
const LARGEST_LOG_BYTES = 10_000_000

const SETTINGS = {
  listen_addresses: '',
  port: String(SOCKET_PORT),
  unix_socket_permissions: '0700',
  max_connections: '300',
  shared_buffers: '32MB',
  max_wal_size: '256MB',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Refused allocations are answers, not faults: keep what concerns the server itself.
  log_min_messages: 'log',
  log_checkpoints: 'off',
  log_line_prefix: '%m ',
}

export function connectionOf(data: string): ClientConfig {
  return {
    host: socketDirectory(data),
    port: SOCKET_PORT,
    user: DATABASE_ROLE,
    database: 'postgres',
  }
}

/** Whether the server takes connections now, be it to refuse them. */
export async function isAccepting(data: string): Promise<boolean> {
  const client = new Client(connectionOf(data))
  try {
    await client.connect()
    await client.end()
    return true
  } catch (error) {
    if (isNotRunning(error)) return false
    // Too many connections, a stranger: an answer all the same.
    if ((error as { severity?: string }).severity !== undefined) return true
    throw error
  }
}

/** No server behind the socket, or one that is not ready (57P03) or going away. */
export function isNotRunning(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string }
  return (
    ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(code ?? '') ||
    ['57P01', '57P02', '57P03'].includes(code ?? '') ||
    // What pg says, without a code, when the server ends its backends in mid-connection.
    message === 'Connection terminated unexpectedly'
  )
}

/**
 * Starts the server, as a process of its own that outlives this one, and waits until it takes
 * connections. One that runs already and is still recovering is only waited for. Call it under the
 * start lock.
 */
export async function startPostmaster(data: string): Promise<void> {
  const giveUpAt = Date.now() + START_TIMEOUT_MS
  removeForeignLockFiles(data)
  let launched: { ended: boolean } | undefined
  while (!(await isAccepting(data))) {
    if (Date.now() > giveUpAt) throw startFailed(data)
    if (!isPostmasterAlive(data) && launched?.ended !== false) {
      // The backends of a killed server take a moment to notice; until then they block the next.
      if (launched && !isHeldByOldBackends(data)) throw startFailed(data)
      if (launched) await sleep(10 * POLL_MS)
      launched = launch(data)
    }
    await sleep(POLL_MS)
  }
}

function launch(data: string): { ended: boolean } {
  const account = accountOf(data)
  const sockets = socketDirectory(data)
  ensureSocketDirectory(sockets, account)
  const settings = Object.entries({
    ...SETTINGS,
    // A list: the quotes keep a path with a comma or a space in one piece.
    unix_socket_directories: `"${sockets.replaceAll('"', '""')}"`,
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`])

  const log = openLog(data)
  if (isRoot()) fchownSync(log, account.uid, account.gid)
  const postmaster = spawn(join(binariesFor(data), 'postgres'), ['-D', data, ...settings], {
    cwd: '/',
    // A session of its own: Ctrl-C in the terminal that happened to start it is not meant for it.
    detached: true,
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH },
    stdio: ['ignore', log, log],
    ...(isRoot() && { uid: account.uid, gid: account.gid }),
  })
  closeSync(log)
  postmaster.unref()
  const state = { ended: false }
  for (const event of ['exit', 'error']) {
    postmaster.once(event, () => {
      state.ended = true
    })
  }
  return state
}

function openLog(data: string): number {
  const path = clusterFiles.log(data)
  const log = openSync(path, 'a', 0o600)
  if (statSync(path).size > LARGEST_LOG_BYTES) truncateSync(path)
  return log
}

/**
 * Fast shutdown: transactions under way are rolled back, the files are left clean. Call it under
 * the start lock. False if it was not running.
 */
export async function stopPostmaster(data: string): Promise<boolean> {
  const pid = postmasterPid(data)
  if (pid === undefined || !isPostmasterAlive(data)) return false
  // A request to stop can be lost on a server that is recovering from a crash of its backends.
  const giveUpAt = Date.now() + START_TIMEOUT_MS
  while (!(await isAccepting(data)) && isPostmasterAlive(data) && Date.now() < giveUpAt) {
    await sleep(POLL_MS)
  }
  process.kill(pid, 'SIGINT')
  // The last thing that it does is to remove its pid file.
  while (postmasterPid(data) === pid && isPostmasterAlive(data)) await sleep(POLL_MS)
  return true
}

/** As its pid file says; see `isAccepting` for whether that is still true. */
export function postmasterPid(data: string): number | undefined {
  return firstNumberIn(pidFile(data))
}

function pidFile(data: string): string {
  return join(data, 'postmaster.pid')
}

function firstNumberIn(file: string): number | undefined {
  if (!existsSync(file)) return undefined
  const number = Number.parseInt(readFileSync(file, 'utf8'), 10)
  return number > 0 ? number : undefined
}

/**
 * After a crash the server's lock files stay, and PostgreSQL refuses to start while any process of
 * its user has the pid in them: in a restarted container often one does, and where nobody reaps
 * them the dead do. So where that process is none of this registry's, the files go. PostgreSQL's
 * other lock, on shared memory, still guards the data.
 */
function removeForeignLockFiles(data: string): void {
  const lockFiles = [pidFile(data), join(socketDirectory(data), `.s.PGSQL.${SOCKET_PORT}.lock`)]
  for (const file of lockFiles) {
    const pid = firstNumberIn(file)
    if (pid !== undefined && !commandOf(pid).includes(data)) rmSync(file, { force: true })
  }
}

/** Also while it recovers and takes no connections yet. */
function isPostmasterAlive(data: string): boolean {
  const pid = postmasterPid(data)
  return pid !== undefined && commandOf(pid).includes(data)
}

/** The command line of a process; empty for one that is gone or a zombie. */
function commandOf(pid: number): string {
  const procFile = `/proc/${pid}/cmdline`
  // Slim images have no ps.
  if (process.platform === 'linux')
    return existsSync(procFile) ? readFileSync(procFile, 'utf8') : ''
  return spawnSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)]).stdout.toString()
}

function isHeldByOldBackends(data: string): boolean {
  return /pre-existing shared memory block/.test(logTail(data))
}

function startFailed(data: string): PortsError {
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `The embedded database did not start. The end of ${clusterFiles.log(data)}: ` +
      logTail(data).replaceAll('\n', ' | '),
    { dataDirectory: data, log: clusterFiles.log(data) },
  )
}

function logTail(data: string): string {
  return readFileSync(clusterFiles.log(data), 'utf8').trim().split('\n').slice(-5).join('\n')
}
