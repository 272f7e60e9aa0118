import { chmodSync, lstatSync, mkdirSync, readlinkSync, type Stats } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { PortsError, unmappedUid } from '@ports/core'
import { isRoot, nameOf } from './serverAccount.js'

/** The most links that the kernel follows in one path (path_resolution(7)). */
const MAX_LINKS = 40
const STICKY = 0o1000

/**
 * Refuses a directory that somebody other than this user and root can change or replace: programs
 * run from it, and root creates files in it. Every directory above it counts, and every link on the
 * way. A directory that does not exist yet is judged by those above it.
 * @throws {PortsError} `DATABASE_UNAVAILABLE` naming the directory and whose it is
 */
export function refuseForeignDirectory(directory: string): void {
  let links = 0
  let remaining = directory.split(sep).filter(Boolean)
  let current = '/'
  let stats = lstatSync(current)
  while (remaining.length > 0) {
    const [name = '', ...rest] = remaining
    const path = join(current, name)
    refuseForeignOwner(directory, current, stats)
    const entry = statsOf(path)
    refuseForeignEntry(directory, current, stats, path, entry)
    // A path that is missing or cannot be read is reported by the call that needs it.
    if (entry === undefined) return
    if (entry.isSymbolicLink()) {
      links += 1
      if (links > MAX_LINKS) return
      const target = readlinkSync(path)
      remaining = [...resolve(current, target).split(sep).filter(Boolean), ...rest]
      current = '/'
      stats = lstatSync(current)
      continue
    }
    if (!entry.isDirectory()) return
    current = path
    stats = entry
    remaining = rest
  }
  // In a user namespace, an unmapped user, such as root, may own the directories above, but not
  // this one.
  if (stats.uid === unmappedUid()) throw foreign(directory, current, stats.uid)
  refuseForeignOwner(directory, current, stats)
  if (othersCanWrite(stats)) throw writable(directory, current)
}

/**
 * Makes a directory and those above it. Node's own recursive mkdir never returns where the kernel
 * answers ENOENT for a parent that exists, as it does in /proc.
 */
export function makeDirectories(directory: string): void {
  if (statsOf(directory) !== undefined) return
  if (dirname(directory) !== directory) makeDirectories(dirname(directory))
  try {
    mkdirSync(directory, { mode: 0o755 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Makes a directory that the server's account can enter, whatever the umask. */
export function makeEnterable(directory: string): void {
  const isNew = statsOf(directory) === undefined
  makeDirectories(directory)
  if (isNew) chmodSync(directory, 0o755)
}

function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function refuseForeignOwner(wanted: string, directory: string, stats: Stats): void {
  if (!isTrusted(stats.uid)) throw foreign(wanted, directory, stats.uid)
}

/** In a sticky directory (/tmp) only an entry's owner can replace it. */
function refuseForeignEntry(
  wanted: string,
  directory: string,
  stats: Stats,
  path: string,
  entry: Stats | undefined,
): void {
  if (!othersCanWrite(stats)) return
  if ((stats.mode & STICKY) === 0) throw writable(wanted, directory)
  if (entry !== undefined && !isTrusted(entry.uid)) throw foreign(wanted, path, entry.uid)
}

/** The members of a group count as others, unless it is this user's own group. */
function othersCanWrite({ mode, gid }: Stats): boolean {
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== process.getgid?.())
}

/**
 * In a user namespace of its own (rootless containers, sandboxes) the files of the host's root show
 * as the unmapped uid. Elsewhere that is an ordinary user.
 */
function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.getuid?.() || uid === unmappedUid()
}

function foreign(wanted: string, directory: string, uid: number): PortsError {
  const owner = nameOf(uid)
  const where = wanted === directory ? wanted : `${directory}, which ${wanted} depends on,`
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    isRoot()
      ? `${where} belongs to ${owner}, and root does not use a registry that another user can ` +
          `change. Run this as ${owner}, or set PORTS_HOME to a directory of root's.`
      : `${where} belongs to ${owner}, who can change the programs that a registry there runs. ` +
          'Set PORTS_HOME to a directory of your own.',
    { directory, owner },
  )
}

function writable(wanted: string, directory: string): PortsError {
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `${directory} can be written by other users, who can change the programs that a registry in ` +
      `${wanted} runs. Remove their write permission (chmod go-w), or set PORTS_HOME to another directory.`,
    { directory },
  )
}
