import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** All processes that this one can see. */
export function visiblePids(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
}

/** The process itself and its descendants that are still running. */
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

/** The sockets that a process has open, by inode. Empty for processes of other users. */
export function openSockets(pid: number): number[] {
  const directory = `/proc/${pid}/fd`
  const files = unlessGone(() => readdirSync(directory)) ?? []
  return files.flatMap((file) => {
    const target = unlessGone(() => readlinkSync(`${directory}/${file}`)) ?? ''
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
    return inode === undefined ? [] : [Number(inode)]
  })
}

/** Its working directory, or undefined for a process of another user. */
export function workingDirectory(pid: number): string | undefined {
  return unlessGone(() => readlinkSync(`/proc/${pid}/cwd`))
}

/** Its command line, or undefined if it is gone or has none. */
export function commandLine(pid: number): string | undefined {
  const words = unlessGone(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
  return words?.split('\0').join(' ').trim() || undefined
}

/** The process group that a terminal sends signals to. Undefined if the process is gone. */
export function groupOf(pid: number): number | undefined {
  return numberIn(pid, 5)
}

/**
 * When it was started, in clock ticks since the machine was. With this, a pid that was given again is
 * told apart. Undefined if the process is gone.
 */
export function startOf(pid: number): number | undefined {
  return numberIn(pid, 22)
}

/** The process group to which its terminal sends signals now; -1 without a terminal. */
export function terminalGroupOf(pid: number): number | undefined {
  return numberIn(pid, 8)
}

/** The boot of this host, and when the process was started. Undefined if it is gone. */
export function bootAndStartOf(pid: number): string | undefined {
  const start = startOf(pid)
  return start === undefined ? undefined : `${bootId()}/${start}`
}

/** USER_HZ, the unit of the times in proc_pid_stat(5), which is 100 on every architecture of Node. */
const TICKS_PER_SECOND = 100

/** When the process was started, to the second. Undefined if it is gone. */
export function startTimeOf(pid: number): Date | undefined {
  const ticks = startOf(pid)
  const bootedAt = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1]
  if (ticks === undefined || bootedAt === undefined) return undefined
  return new Date((Number(bootedAt) + Math.floor(ticks / TICKS_PER_SECOND)) * 1000)
}

/** The user whose rights it has. Undefined if the process is gone. */
export function userOf(pid: number): number | undefined {
  const status = unlessGone(() => readFileSync(`/proc/${pid}/status`, 'latin1'))
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

/** Whether it is there, and has not ended without its parent having noticed. */
export function isAlive(pid: number): boolean {
  return !['Z', 'X', undefined].includes(field(pid, 3))
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}

function parentOf(pid: number): number | undefined {
  return numberIn(pid, 4)
}

function numberIn(pid: number, nth: number): number | undefined {
  const text = field(pid, nth)
  return text === undefined ? undefined : Number(text)
}

/** A field of proc_pid_stat(5). The second, the name in parentheses, may itself contain any. */
function field(pid: number, nth: number): string | undefined {
  const stat = unlessGone(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[nth - 3]
}

/** Undefined if the process has ended, or may not be inspected because it is another user's. */
function unlessGone<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code ?? '')) return undefined
    throw error
  }
}
