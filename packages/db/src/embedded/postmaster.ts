import { closeSync, constants, fstatSync, ftruncateSync, readSync, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PortsError } from '@ports/core'
import { adviceFor } from './adviceFor.js'
import { binariesFor } from './binaries.js'
import { IdleServer } from './IdleServer.js'
import { endOrphans, isPostmasterAlive, postmasterPid, removeLockFiles } from './lockFiles.js'
import { isVisible } from './lockHolder.js'
import { openOwnFile } from './ownFile.js'
import { clusterFiles } from './registryHome.js'
import { accountOf, type ServerAccount } from './serverAccount.js'
import { serverState } from './serverConnection.js'
import { heldElsewhere, isServerLocked, lastHolder, ServerLock } from './serverLock.js'
import { spawnProgram } from './serverProgram.js'
import {
  ensureSocketDirectory,
  refuseUnsafeSocketDirectory,
  SOCKET_PORT,
  SOCKETS_FROM_DATA,
} from './socketDirectory.js'

const POLL_MS = 10
/** Crash recovery replays at most max_wal_size; a minute is far more than that takes. */
const START_TIMEOUT_MS = 60_000
/**
 * How long a server that cannot be seen from here may take to end or to start, before callers here
 * get an error that it runs elsewhere. A fast shutdown takes less than a second.
 */
const ELSEWHERE_MS = 5_000
/** The backends of a killed server notice within a second or two, and keep its lock until then. */
const OLD_BACKENDS_MS = 20_000
/** The backends are killed after this time. */
const ORPHANED_MS = 10_000
/** A fast shutdown writes what is in memory, 32 MB, and waits for no client. */
const STOP_TIMEOUT_MS = 60_000
const LARGEST_LOG_BYTES = 10_000_000
/** One segment of the server's log of changes (wal_segment_size), which a start may need. */
const LEAST_SPACE_BYTES = 16 * 1024 * 1024

const SETTINGS = {
  listen_addresses: '',
  port: String(SOCKET_PORT),
  unix_socket_directories: SOCKETS_FROM_DATA,
  unix_socket_permissions: '0700',
  max_connections: '320',
  // Reserved for management. 300 are left for callers. A refused caller also takes one for a
  // moment.
  superuser_reserved_connections: '20',
  shared_buffers: '32MB',
  max_wal_size: '256MB',
  // All data are in memory. At the default of 4, every allocation reads a registry of one range
  // from end to end, and sessions keep that plan while the registry grows.
  random_page_cost: '1.1',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Refused allocations are answers, not faults. The log keeps only what concerns the server
  // itself.
  log_min_messages: 'log',
  log_checkpoints: 'off',
  log_line_prefix: '%m ',
}

/**
 * Starts the server, as a process of its own that outlives this one, and waits until it takes
 * connections. If a server already runs and is still recovering, only waits for it. Call it under
 * the start lock.
 */
export async function startPostmaster(data: string): Promise<void> {
  const account = accountOf(data)
  const startedAt = Date.now()
  let launched: Launch | undefined
  const idleServer = new IdleServer(data)
  for (
    let state = await serverState(data);
    state !== 'accepting';
    state = await serverState(data)
  ) {
    if (Date.now() - startedAt > START_TIMEOUT_MS) throw startFailed(data, launched)
    const isAlive = isPostmasterAlive(data)
    // A server with an unsafe socket directory works, and ending it would not help.
    if (isAlive) refuseUnsafeSocketDirectory(data, account)
    if (idleServer.isStuck()) {
      // Other processes may see the server's socket and use it. This one does not, so it ends
      // nothing.
      if (state === 'unreachable') throw heldElsewhere(data, lastHolder(data, account))
      idleServer.end()
    }
    if (!isAlive && launched?.ended !== false) {
      if (launched) throw startFailed(data, launched)
      launched = await tryLaunch(data, account, Date.now() - startedAt)
    }
    await sleep(POLL_MS)
  }
}

/**
 * Undefined while another server has the lock: one that is ending, the backends of a killed one or,
 * for a short time, one that cannot be seen from here.
 */
async function tryLaunch(
  data: string,
  account: ServerAccount,
  waitedMs: number,
): Promise<Launch | undefined> {
  const lock = await ServerLock.tryTake(data, account)
  if (lock === undefined) {
    const holder = lastHolder(data, account)
    const isHere = holder !== undefined && isVisible(holder)
    if (waitedMs > (isHere ? OLD_BACKENDS_MS : ELSEWHERE_MS)) throw heldElsewhere(data, holder)
    if (isHere && waitedMs > ORPHANED_MS) endOrphans(data, holder.pid)
    return undefined
  }
  try {
    // Something other than this program started the server, without the lock.
    if (isPostmasterAlive(data)) return undefined
    removeLockFiles(data)
    return launch(data, account, lock)
  } finally {
    lock.close()
  }
}

interface Launch {
  ended: boolean
  /** The end of the server's output since its launch. */
  lastWords(): string
}

function launch(data: string, account: ServerAccount, lock: ServerLock): Launch {
  ensureSocketDirectory(data, account)
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const log = openLog(data)
  const silentUntil = fstatSync(log).size
  const postmaster = spawnProgram(
    join(binariesFor(data), 'postgres'),
    ['-D', data, ...settings],
    account,
    ['ignore', log, log, lock.descriptor],
  )
  if (postmaster.pid !== undefined) lock.writeHolder(postmaster.pid)
  closeSync(log)
  postmaster.unref()
  let failure = ''
  const state = {
    ended: false,
    lastWords: () => failure || lastLines(readLog(data, silentUntil)),
  }
  postmaster.once('exit', () => {
    state.ended = true
  })
  postmaster.once('error', (error) => {
    failure = error.message
    state.ended = true
  })
  return state
}

function openLog(data: string): number {
  const { O_RDWR, O_APPEND, O_CREAT } = constants
  const log = openOwnFile(clusterFiles.log(data), O_RDWR | O_APPEND | O_CREAT, process.getuid!())
  if (fstatSync(log).size > LARGEST_LOG_BYTES) ftruncateSync(log)
  return log
}

function readLog(data: string, from: number): string {
  const log = openLog(data)
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(log).size - from))
    readSync(log, bytes, 0, bytes.length, from)
    return bytes.toString()
  } finally {
    closeSync(log)
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-5).join(' | ')
}

/**
 * Fast shutdown: transactions under way are rolled back, the files are left clean. Call it under
 * the start lock. False if it was not running.
 */
export async function stopPostmaster(data: string): Promise<boolean> {
  const pid = postmasterPid(data)
  if (pid === undefined || !isPostmasterAlive(data)) {
    await refuseServerElsewhere(data)
    return false
  }
  // A server that is recovering from a crash of its backends can lose a request to stop.
  const giveUpAt = Date.now() + START_TIMEOUT_MS
  const idleServer = new IdleServer(data)
  while (
    (await serverState(data)) === 'not-ready' &&
    isPostmasterAlive(data) &&
    Date.now() < giveUpAt
  ) {
    if (idleServer.isStuck()) idleServer.end()
    await sleep(POLL_MS)
  }
  if (!isPostmasterAlive(data)) return true
  process.kill(pid, 'SIGINT')
  // The server removes its pid file last.
  const endsBy = Date.now() + STOP_TIMEOUT_MS
  while (postmasterPid(data) === pid && isPostmasterAlive(data)) {
    if (Date.now() > endsBy) throw doesNotEnd(data, pid)
    await sleep(POLL_MS)
  }
  return true
}

function doesNotEnd(data: string, pid: number): PortsError {
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `The embedded database in ${data} was told to stop, and process ${pid} has not ended within ` +
      `${STOP_TIMEOUT_MS / 1000} s. One of its processes may be stopped (SIGSTOP); ` +
      `${clusterFiles.log(data)} says what it waits for. It ends as soon as it can.`,
    { dataDirectory: data, pid },
  )
}

/** Refuses if a server that cannot be seen from here still runs. */
async function refuseServerElsewhere(data: string): Promise<void> {
  const account = accountOf(data)
  const giveUpAt = Date.now() + OLD_BACKENDS_MS
  while (await isServerLocked(data, account)) {
    const holder = lastHolder(data, account)
    const mayBeEnding = holder !== undefined && isVisible(holder) && Date.now() < giveUpAt
    if (!mayBeEnding) throw heldElsewhere(data, holder)
    await sleep(POLL_MS)
  }
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
      `${said}. ${adviceFor(said)}. If its files are damaged, restore them from a backup. To start ` +
      'over instead, remove the whole home of the registry. Numbers that are held now can then be ' +
      'allocated a second time.',
    details,
  )
}

/**
 * Whether the disk is full for the server's account, which cannot use the space that is reserved
 * for root.
 */
function isFull(directory: string): boolean {
  const { bavail, bsize, files, ffree } = statfsSync(directory)
  return bavail * bsize < LEAST_SPACE_BYTES || (files > 0 && ffree === 0)
}
