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

/** As its pid file says; see `isAccepting` for whether that is still true. */
export function postmasterPid(data: string): number | undefined {
  const number = Number.parseInt(textOfOwn(pidFile(data), ownerOf(data)), 10)
  return number > 0 ? number : undefined
}

/**
 * After a crash the server's lock files stay, and PostgreSQL refuses to start while any process of
 * its user has the pid in them. In a restarted container some process often has it, and so does a
 * zombie that nobody reaps. PostgreSQL always refuses if there is no pid in them, as after a full
 * disk. Only the holder of the server's lock may call this, because these files say nothing about
 * another PID namespace.
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

/** Empty for a file that is not there, or went while it was read: a server may be stopping. */
function emptyIfMissing(read: () => string): string {
  try {
    return read()
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return ''
    throw error
  }
}

/** Also while it recovers and takes no connections yet. */
export function isPostmasterAlive(data: string): boolean {
  const pid = postmasterPid(data)
  return pid !== undefined && isServerOf(data, pid)
}

/**
 * How often those of its processes have slept so far that bring the data up to date, as they do at a
 * start and after a crash. Infinite unless all of them sleep now, each waiting for another; and where
 * this system does not tell. Undefined if there are none.
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
 * Kills the processes that are left of a server that is gone. They end by themselves when they notice
 * that, but one that waits for a lock of another that was killed with the server never does. Nothing
 * is lost: the next server recovers. Does nothing where this system does not show them, or while the
 * server is there after all and only its pid file is damaged.
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

/** Whether it was told to stop, as its pid file says (PM_STATUS_STOPPING in its pidfile.h). */
export function isStopping(data: string): boolean {
  const status = textOfOwn(pidFile(data), ownerOf(data)).split('\n')[PM_STATUS_LINE - 1]
  return status?.trim() === 'stopping'
}

/**
 * Not just any process that names the directory, such as one that shows its files. It must also run
 * as the server's account, because that account chooses the pid in the file.
 */
function isServerOf(data: string, pid: number): boolean {
  const { uid, command } = processOf(pid)
  if (uid !== ownerOf(data)) return false
  return command.includes(`postgres -D ${data} -c `) || worksIn(data, pid, command)
}

/** For a home that was renamed since the server started: it works in its data directory. */
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
 * The owner and the command line, in one line, of a process; no command line if it is gone or a
 * zombie.
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
