import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
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

/** Whether the server takes connections now. */
export async function isAccepting(data: string): Promise<boolean> {
  const client = new Client(connectionOf(data))
  try {
    await client.connect()
    await client.end()
    return true
  } catch (error) {
    if (isNotRunning(error)) return false
    throw error
  }
}

/** No server behind the socket, or one that is not ready (57P03) or going away (57P01). */
export function isNotRunning(error: unknown): boolean {
  const { code } = error as { code?: string }
  return ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', '57P03', '57P01'].includes(code ?? '')
}

/**
 * Starts the server, as a process of its own that outlives this one, and waits until it takes
 * connections. Call it under the start lock.
 */
export async function startPostmaster(data: string): Promise<void> {
  const giveUpAt = Date.now() + START_TIMEOUT_MS
  removeForeignPidFile(data)
  let postmaster = launch(data)
  while (!(await isAccepting(data))) {
    if (postmaster.ended) {
      // The backends of a killed server take a moment to notice; until then they block the next.
      if (!isHeldByOldBackends(data) || Date.now() > giveUpAt) throw startFailed(data)
      await sleep(10 * POLL_MS)
      postmaster = launch(data)
    }
    if (Date.now() > giveUpAt) throw startFailed(data)
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
  if (!(await isAccepting(data))) return false
  const pid = postmasterPid(data)
  if (pid === undefined) return false
  process.kill(pid, 'SIGINT')
  while (isAlive(pid)) await sleep(POLL_MS)
  return true
}

/** As its pid file says; see `isAccepting` for whether that is still true. */
export function postmasterPid(data: string): number | undefined {
  const pid = Number.parseInt(readPidFile(data).split('\n')[0] ?? '', 10)
  return pid > 0 ? pid : undefined
}

function readPidFile(data: string): string {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/**
 * After a crash the pid file stays, and PostgreSQL refuses to start while any process of its user
 * has that pid: in a restarted container often one does. So where that process is none of ours, the
 * file goes. PostgreSQL's second lock, on shared memory, still guards the data.
 */
function removeForeignPidFile(data: string): void {
  const pid = postmasterPid(data)
  if (pid === undefined || !isAlive(pid) || process.platform !== 'linux') return
  let command: string
  try {
    command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    // Ended meanwhile, or not ours to look at: PostgreSQL decides.
    return
  }
  if (!command.split('\0').includes(data)) rmSync(join(data, 'postmaster.pid'), { force: true })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function isHeldByOldBackends(data: string): boolean {
  return /pre-existing shared memory block/.test(logTail(data))
}

function startFailed(data: string): PortsError {
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `The embedded database did not start. The end of ${clusterFiles.log(data)}:\n${logTail(data)}`,
    { dataDirectory: data, log: clusterFiles.log(data) },
  )
}

function logTail(data: string): string {
  return readFileSync(clusterFiles.log(data), 'utf8').trim().split('\n').slice(-5).join('\n')
}
