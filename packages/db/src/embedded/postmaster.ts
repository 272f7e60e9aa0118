import { spawn } from 'node:child_process'
import {
  closeSync,
  fchownSync,
  fstatSync,
  openSync,
  readFileSync,
  statfsSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PortsError } from '@ports/core'
import { Client, type ClientConfig } from 'pg'
import { binariesFor, DATABASE_ROLE } from './createCluster.js'
import {
  isPostmasterAlive,
  isRecovering,
  postmasterPid,
  removeForeignLockFiles,
} from './lockFiles.js'
import { clusterFiles } from './registryHome.js'
import { accountOf, isRoot } from './serverAccount.js'
import { ensureSocketDirectory, SOCKET_PORT, socketDirectory } from './socketDirectory.js'

const POLL_MS = 10
/** Crash recovery replays at most max_wal_size; a minute is far more than that takes. */
const START_TIMEOUT_MS = 60_000
/**
 * Twice what a server gives its processes to end after one of them crashed (SIGKILL_CHILDREN_AFTER_SECS
 * in its postmaster.c), before it lets another recover.
 */
const IDLE_MS = 10_000
/** A server that is stopped (SIGSTOP) takes connections and says nothing. */
const ANSWER_TIMEOUT_MS = 10_000
const LARGEST_LOG_BYTES = 10_000_000
/** Less than one segment of its log of changes (wal_segment_size), which it may need to start. */
const LEAST_SPACE_BYTES = 16 * 1024 * 1024

const SETTINGS = {
  listen_addresses: '',
  port: String(SOCKET_PORT),
  unix_socket_permissions: '0700',
  max_connections: '300',
  shared_buffers: '32MB',
  max_wal_size: '256MB',
  // All of it is in memory. At the default of 4 a registry of one range is read from end to end by
  // every allocation, and sessions keep that plan while it grows.
  random_page_cost: '1.1',
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
  const client = new Client({ ...connectionOf(data), connectionTimeoutMillis: ANSWER_TIMEOUT_MS })
  // A server that goes away says so by an event, too, which would end this process.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.end()
    return true
  } catch (error) {
    if (isNotRunning(error)) return false
    // Too many connections, a stranger: an answer all the same.
    const { severity, message } = error as { severity?: string; message: string }
    if (severity !== undefined) return true
    if (message !== 'timeout expired') throw error
    throw new PortsError(
      'DATABASE_UNAVAILABLE',
      `The embedded database in ${data} takes connections and does not answer; its process is ` +
        `${postmasterPid(data)}. Where that is stopped, let it go on: kill -CONT ${postmasterPid(data)}`,
      { dataDirectory: data },
      { cause: error },
    )
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
  let launched: Launch | undefined
  let idleSince: number | undefined
  while (!(await isAccepting(data))) {
    if (Date.now() > giveUpAt) throw startFailed(data, launched)
    const isIdle = isPostmasterAlive(data) && !isRecovering(data)
    idleSince = isIdle ? (idleSince ?? Date.now()) : undefined
    if (idleSince !== undefined && Date.now() - idleSince > IDLE_MS) {
      endAtOnce(data)
      idleSince = undefined
    }
    if (!isPostmasterAlive(data) && launched?.ended !== false) {
      // The backends of a killed server take a moment to notice; until then they block the next.
      if (launched && !isHeldByOldBackends(launched)) throw startFailed(data, launched)
      if (launched) await sleep(10 * POLL_MS)
      launched = launch(data)
    }
    await sleep(POLL_MS)
  }
}

/**
 * Where the disk is full, the process that recovers can fail so early that the server takes it for
 * running still, and waits for it for ever. Nothing is lost by an immediate shutdown: the next start
 * recovers.
 */
function endAtOnce(data: string): void {
  const pid = postmasterPid(data)
  if (pid !== undefined) process.kill(pid, 'SIGQUIT')
}

interface Launch {
  ended: boolean
  /** The end of what the server has said since. */
  lastWords(): string
}

function launch(data: string): Launch {
  const account = accountOf(data)
  const sockets = socketDirectory(data)
  ensureSocketDirectory(sockets, account)
  const settings = Object.entries({
    ...SETTINGS,
    // A list: the quotes keep a path with a comma or a space in one piece.
    unix_socket_directories: `"${sockets.replaceAll('"', '""')}"`,
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`])

  const log = openLog(data)
  const silentUntil = fstatSync(log).size
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
  const state = {
    ended: false,
    lastWords: () =>
      readFileSync(clusterFiles.log(data))
        .subarray(silentUntil)
        .toString()
        .trim()
        .split('\n')
        .slice(-5)
        .join(' | '),
  }
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

function isHeldByOldBackends(launched: Launch): boolean {
  return /pre-existing shared memory block/.test(launched.lastWords())
}

function startFailed(data: string, launched: Launch | undefined): PortsError {
  const log = clusterFiles.log(data)
  const said = launched?.lastWords() || 'nothing'
  const details = { dataDirectory: data, log }
  if (isFull(dirname(data))) {
    return new PortsError(
      'DATABASE_UNAVAILABLE',
      `The embedded database did not start: there is no space left in ${dirname(data)}. Make ` +
        `room; the next call starts it again. It said: ${said}`,
      details,
    )
  }
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `The embedded database in ${data} did not start; no file of it was removed. It said (in ${log}): ` +
      `${said}. Put that right and try again: ports db start. Where its files are damaged, bring ` +
      'them back from a backup. To begin anew instead, move the directory away; then numbers ' +
      'that are held now can be given a second time.',
    details,
  )
}

/** For a server of its own account, which has no use of what is kept back for root. */
function isFull(directory: string): boolean {
  const { bavail, bsize, files, ffree } = statfsSync(directory)
  return bavail * bsize < LEAST_SPACE_BYTES || (files > 0 && ffree === 0)
}
