import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readOwnFile } from './ownFile.js'
import { systemCommand } from './serverAccount.js'
import { SOCKET_PORT, socketDirectory } from './socketDirectory.js'

/** LOCK_FILE_LINE_PM_STATUS in PostgreSQL's pidfile.h. */
const PM_STATUS_LINE = 8

/** The titles of the processes that take part in a recovery. */
const RECOVERS = /^postgres: (startup|checkpointer|io worker)/

/** The pid in the server's pid file. It may be out of date: see `isAccepting`. */
export function postmasterPid(data: string): number | undefined {
  const number = Number.parseInt(textOfOwn(pidFile(data), ownerOf(data)), 10)
  return number > 0 ? number : undefined
}

/**
 * Removes the server's lock files, which stay after a crash. PostgreSQL refuses to start while any
 * process of its user has the pid in them. In a restarted container another process often has that
 * pid, or a zombie that nobody reaps. PostgreSQL also refuses if the files contain no pid, as after
 * a full disk. Only the holder of the server's lock may call this, because the files say nothing
 * about another PID namespace.
 */
export function removeLockFiles(data: string): void {
  for (const file of [pidFile(data), join(socketDirectory(data), `.s.PGSQL.${SOCKET_PORT}.lock`)]) {
    rmSync(file, { force: true })
  }
}

function pidFile(data: string): string {
  return join(data, 'postmaster.pid')
}

function ownerOf(data: string): number {
  return statSync(data).uid
}

function textOfOwn(path: string, owner: number): string {
  return emptyIfMissing(() => readOwnFile(path, owner))
}

function textOf(file: string): string {
  return emptyIfMissing(() => readFileSync(file, 'utf8'))
}

/** Empty if the file does not exist, or disappears while it is read because the server stops. */
function emptyIfMissing(read: () => string): string {
  try {
    return read()
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return ''
    throw error
  }
}

/** True also while the server recovers and takes no connections yet. */
export function isPostmasterAlive(data: string): boolean {
  const pid = postmasterPid(data)
  return pid !== undefined && isServerOf(data, pid)
}

/**
 * How often the processes that recover the server's data, at a start and after a crash, have slept
 * so far. Infinite unless all of them sleep now, each waiting for another; also infinite if this
 * system does not show it. Undefined if there are no such processes.
 */
export function sleepsInRecovery(data: string): number | undefined {
  const pid = postmasterPid(data)
  const children = `/proc/${pid}/task/${pid}/children`
  if (!existsSync(children)) return Number.POSITIVE_INFINITY
  const recoverers = textOf(children)
    .split(' ')
    .map((child) => ({ child, command: processOf(Number(child)).command }))
    .filter(({ command }) => RECOVERS.test(command))
  if (!recoverers.some(({ command }) => command.startsWith('postgres: startup'))) return undefined
  return recoverers.reduce((sum, { child }) => sum + sleepsOf(child), 0)
}

/** proc_pid_status(5). A process that waits for a disk does not sleep. */
function sleepsOf(pid: string): number {
  const status = textOf(`/proc/${pid}/status`)
  const [, count] = /^State:\s*S.*^voluntary_ctxt_switches:\s*(\d+)/ms.exec(status) ?? []
  return Number(count ?? Number.POSITIVE_INFINITY)
}

/**
 * Kills the remaining processes of a server that is gone. They end by themselves when they notice
 * that, but a process that waits for a lock of another killed one never does. Nothing is lost,
 * because the next server recovers. Does nothing if this system does not show the processes, or if
 * the server still runs and only its pid file is damaged.
 */
export function endOrphans(data: string, server: number): void {
  if (!existsSync('/proc/self/cwd') || isServerOf(data, server)) return
  const owner = ownerOf(data)
  for (const pid of readdirSync('/proc').map(Number).filter(Boolean)) {
    const { uid, command } = processOf(pid)
    if (uid === owner && command.startsWith('postgres: ') && isIn(data, pid)) killIfThere(pid)
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * Whether the server's pid file says that it is stopping (PM_STATUS_STOPPING in PostgreSQL's
 * pidfile.h).
 */
export function isStopping(data: string): boolean {
  const status = textOfOwn(pidFile(data), ownerOf(data)).split('\n')[PM_STATUS_LINE - 1]
  return status?.trim() === 'stopping'
}

/**
 * Whether the process is the server. A process that only names the directory, such as one that
 * shows its files, does not count. The process must also run as the server's account, because that
 * account chooses the pid in the file.
 */
function isServerOf(data: string, pid: number): boolean {
  const { uid, command } = processOf(pid)
  if (uid !== ownerOf(data)) return false
  return command.includes(`postgres -D ${data} -c `) || worksIn(data, pid, command)
}

/** Recognizes a server whose home was renamed since it started: it works in its data directory. */
function worksIn(data: string, pid: number, command: string): boolean {
  return /postgres -D \S.* -c listen_addresses=/.test(command) && isIn(data, pid)
}

/** Whether the directory is the process's working directory. */
function isIn(data: string, pid: number): boolean {
  try {
    const [there, here] = [statSync(`/proc/${pid}/cwd`), statSync(data)]
    return there.ino === here.ino && there.dev === here.dev
  } catch {
    // This process may not ask (ptrace(2), "Ptrace access mode checking"), or there is no /proc.
    return false
  }
}

/**
 * The owner of a process, and its command line as one line. The command line is empty if the
 * process is gone or a zombie.
 */
function processOf(pid: number): { uid?: number; command: string } {
  // Slim images have no ps.
  if (process.platform === 'linux') {
    const command = textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
    return { uid: statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid, command }
  }
  const { stdout } = spawnSync(
    'ps',
    ['-ww', '-o', 'uid=,args=', '-p', String(pid)],
    systemCommand(),
  )
  const [, uid, command = ''] = /^ *(\d+) (.*)/.exec(stdout.toString()) ?? []
  return { uid: Number(uid), command }
}
