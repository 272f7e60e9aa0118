import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { statOf } from '../statOf.js'
import type { ListeningProcess } from './listeningProcesses.js'
import { shortened } from './shortened.js'

/** All processes that this one can see. */
function visiblePids(): number[] {
  return (unlessUnseen(() => readdirSync('/proc')) ?? [])
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
}

/** The process itself and its visible descendants. */
export function processTree(root: number): Set<number> {
  const children = new Map<number, number[]>()
  for (const pid of visiblePids()) {
    const parent = parentOf(pid)
    if (parent === undefined) continue
    children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const tree = new Set([root])
  // The loop also visits what is added to the set meanwhile.
  for (const pid of tree) for (const child of children.get(pid) ?? []) tree.add(child)
  return tree
}

/** The inodes of the sockets that a process has open. Empty if this process may not inspect it. */
export function openSockets(pid: number): number[] {
  return openFiles(pid).flatMap((target) => {
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
    return inode === undefined ? [] : [Number(inode)]
  })
}

/** The processes that have these sockets open and may be inspected, by the inode of the socket. */
export function holdersOf(inodes: ReadonlySet<number>): ReadonlyMap<number, readonly number[]> {
  const holders = new Map<number, number[]>()
  if (inodes.size === 0) return holders
  const wanted = new Map([...inodes].map((inode) => [`socket:[${inode}]`, inode]))
  // This loop takes nearly all the time, with a system call for each open file of each process.
  for (const pid of inspectablePids()) {
    for (const target of openFiles(pid)) {
      const inode = wanted.get(target)
      if (inode === undefined) continue
      const pids = holders.get(inode)
      if (pids === undefined) holders.set(inode, [pid])
      else if (pids.at(-1) !== pid) pids.push(pid)
    }
  }
  return holders
}

/**
 * The visible processes. Without capabilities, those of other users are left out: the kernel
 * refuses to list their open files (proc(5), "/proc/pid/fd"), and a refusal takes five times as
 * long as reading the owner.
 */
function inspectablePids(): number[] {
  const pids = visiblePids()
  const status = unlessUnseen(() => readFileSync('/proc/self/status', 'latin1')) ?? ''
  if (!/^CapEff:\t0+$/m.test(status)) return pids
  const own = process.geteuid?.()
  return pids.filter((pid) => ownerOf(pid) === own)
}

function ownerOf(pid: number): number | undefined {
  return unlessUnseen(() => statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid)
}

/** The targets of the links to its open files. Empty if this process may not inspect it. */
function openFiles(pid: number): readonly string[] {
  const files = linksIn(`/proc/${pid}/fd/`)
  if (files.length > 0) return files
  // If the first thread has ended, only the entries of other threads list the files.
  const threads = unlessUnseen(() => readdirSync(`/proc/${pid}/task`)) ?? []
  const [running] = threads.filter((thread) => Number(thread) !== pid)
  return running === undefined ? [] : linksIn(`/proc/${pid}/task/${running}/fd/`)
}

function linksIn(directory: string): readonly string[] {
  const files = unlessUnseen(() => readdirSync(directory)) ?? []
  return files.map((file) => unlessUnseen(() => readlinkSync(directory + file)) ?? '')
}

/** The kernel appends this to the path of a deleted file (proc(5), "/proc/pid/fd"). */
const GONE = ' (deleted)'

/** A deleted directory is given by its former path. */
type WorkingDirectory = Pick<ListeningProcess, 'directory' | 'deletedDirectory'>

/**
 * The working directory of a process. Empty if this process may not read it, if the path is longer
 * than the kernel reports, and if the path means another directory here, as in a container.
 */
export function workingDirectory(pid: number): WorkingDirectory {
  const link = `/proc/${pid}/cwd`
  const path = unlessUnseen(() => readlinkSync(link))
  if (path === undefined) return {}
  const isOfThisHost = mountsOf(pid) === mountsOf('self')
  // The name of a directory that exists may end with this text too.
  if (path.endsWith(GONE) && !isSameFile(link, path)) {
    const isGone = isOfThisHost || unlessUnseen(() => statOf(link).nlink) === 0n
    return isGone ? { deletedDirectory: path.slice(0, -GONE.length) } : {}
  }
  return isOfThisHost || isSameFile(link, path) ? { directory: path } : {}
}

/** The mount namespace (namespaces(7)) of a process. */
function mountsOf(pid: number | 'self'): string | undefined {
  return unlessUnseen(() => readlinkSync(`/proc/${pid}/ns/mnt`))
}

function isSameFile(one: string, other: string): boolean {
  const [first, second] = [one, other].map((path) => unlessUnseen(() => statOf(path)))
  return first !== undefined && first.ino === second?.ino && first.dev === second.dev
}

/** The beginning of the command line of a process. Undefined if it is gone or has none. */
export function commandLine(pid: number): string | undefined {
  const words = unlessUnseen(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
  return shortened(words?.split('\0').join(' ') ?? '') || undefined
}

/** The process group of a process. Undefined if the process is gone. */
export function groupOf(pid: number): number | undefined {
  return numberIn(pid, 5)
}

/**
 * When a process was started, in clock ticks since the boot. It differs if the pid was reused.
 * Undefined if the process is gone.
 */
export function startOf(pid: number): number | undefined {
  return numberIn(pid, 22)
}

/**
 * The process group to which the terminal of a process sends signals now; -1 without a terminal.
 * Undefined if the process is gone.
 */
export function terminalGroupOf(pid: number): number | undefined {
  return numberIn(pid, 8)
}

/**
 * The id of the boot, and the start of the process in clock ticks. It identifies a process across
 * reboots. Undefined if the process is gone, or the boot id cannot be read.
 */
export function bootAndStartOf(pid: number): string | undefined {
  const start = startOf(pid)
  const boot = unlessUnseen(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim())
  return start === undefined || !boot ? undefined : `${boot}/${start}`
}

/**
 * USER_HZ, the unit of the times in proc_pid_stat(5), which is 100 on every architecture of Node.
 */
const TICKS_PER_SECOND = 100

/**
 * When the process was started. Undefined if it is gone, or the time of the boot cannot be read.
 */
export function startTimeOf(pid: number): Date | undefined {
  const ticks = startOf(pid)
  const bootedAt = bootTime()
  if (ticks === undefined || bootedAt === undefined) return undefined
  return new Date(bootedAt + (ticks * 1000) / TICKS_PER_SECOND)
}

/**
 * When this host was started, in milliseconds since the epoch. The kernel truncates it to the
 * second (proc_stat(5)). With that value alone, a process would seem to have started before events
 * that preceded it. The uptime is more exact, but may be that of a container.
 */
function bootTime(): number | undefined {
  const times = unlessUnseen(() => readFileSync('/proc/stat', 'latin1')) ?? ''
  const second = /^btime (\d+)$/m.exec(times)?.[1]
  if (second === undefined) return undefined
  const earliest = Number(second) * 1000
  const uptime = Number.parseFloat(unlessUnseen(() => readFileSync('/proc/uptime', 'latin1')) ?? '')
  if (Number.isNaN(uptime)) return earliest
  return Math.min(Math.max(Date.now() - uptime * 1000, earliest), earliest + 999)
}

/** The effective uid of a process. Undefined if the process is gone. */
export function userOf(pid: number): number | undefined {
  const status = unlessUnseen(() => readFileSync(`/proc/${pid}/status`, 'latin1'))
  const uid = status && /^Uid:\t\d+\t(\d+)/m.exec(status)?.[1]
  return uid === undefined ? undefined : Number(uid)
}

/** The process and those that started it, nearest first. */
export function ancestorsOf(pid: number): number[] {
  const line: number[] = []
  for (let each: number | undefined = pid; each && !line.includes(each); each = parentOf(each)) {
    line.push(each)
  }
  return line
}

/** Whether a process exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  return !['Z', 'X', undefined].includes(field(pid, 3))
}

function parentOf(pid: number): number | undefined {
  return numberIn(pid, 4)
}

function numberIn(pid: number, nth: number): number | undefined {
  const text = field(pid, nth)
  return text === undefined ? undefined : Number(text)
}

/**
 * A field of proc_pid_stat(5). The second is the name, which may contain spaces and parentheses.
 */
function field(pid: number, nth: number): string | undefined {
  const stat = unlessUnseen(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[nth - 3]
}

/**
 * Undefined if the reading fails for any reason: the process has ended, belongs to another user, or
 * the path is longer than the kernel reports (ENAMETOOLONG). A process that cannot be read must not
 * hide the others.
 */
function unlessUnseen<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
