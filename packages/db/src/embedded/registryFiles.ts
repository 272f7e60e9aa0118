import {
  existsSync,
  lstatSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { copiesOfPrograms, removeCopies } from './binaries.js'
import {
  REGISTRY,
  refuseForeignData,
  removeUnfinished,
  UNFINISHED,
  UNFINISHED_LINK,
} from './createCluster.js'
import { dataDirectory } from './dataDirectory.js'
import { isPostmasterAlive, postmasterPid } from './lockFiles.js'
import { stopPostmaster } from './postmaster.js'
import { clusterFiles } from './registryHome.js'
import { accountOf, isRoot, type Notify, rootDirectory } from './serverAccount.js'
import { SOCKET_FILES } from './socketDirectory.js'
import { hasLockRecord, lockFile, withStartLock } from './startLock.js'
import { refuseForeignDirectory } from './trustedPath.js'
import { unfinishedIn } from './unfinished.js'

/** The files of a registry, or those that an interrupted removal has left. */
export interface RegistryFiles {
  readonly home: string
  /** The pid of its server, if that runs. */
  readonly pid?: number
  /** The files and directories that were made for this registry. */
  readonly paths: readonly string[]
  /** Other entries in the directories of the registry. */
  readonly others: readonly string[]
  /** The copies of programs that it shares with other registries. */
  readonly shared: readonly string[]
  /** Data to which the home has only a link, because another registry has them. */
  readonly ofAnother?: string
  /** The home of another registry, in the default directory, which has the settings as well. */
  readonly defaultRegistry?: string
}

/** The path where the data are or were, and the directory around them. */
interface Place {
  readonly data: string
  readonly cluster: string
  /** Where the data are, if they are those of another registry. `data` is then a link. */
  readonly foreign?: string
}

/**
 * Returns the files of a registry. Changes nothing.
 * @throws {PortsError} `DATABASE_UNAVAILABLE` if the data there are not those of a registry of this
 * user, or are on a file system that is not mounted
 */
export function registryFiles(home: string): RegistryFiles {
  const { data, cluster, foreign } = placeOf(home)
  const hasData = existsSync(data)
  refuseForeignDirectory(cluster)
  if (hasData) refuseForeignData(data)
  // Without data and a lock record, nothing shows that a registry was here. The files may be
  // others'.
  else if (!hasLockRecord(home)) return { home, paths: [], others: [], shared: [] }
  else if (cluster !== home && !isMadeForRegistry(cluster)) dataDirectory(home)

  const made = [...filesIn({ data, cluster }), ...linksIn(home), lockFile(home)].filter(isThere)
  const paths = [...new Set(made)]
  const directories = isMadeForRegistry(cluster) ? [home, cluster] : [home]
  const isRunning = hasData && foreign === undefined && isPostmasterAlive(data)
  const pid = isRunning ? postmasterPid(data) : undefined
  return {
    home,
    ...(pid !== undefined && { pid }),
    paths,
    others: directories.flatMap(entriesOf).filter((path) => !paths.includes(path)),
    shared: isRoot() ? copiesOfPrograms(rootDirectory) : [],
    ...(foreign !== undefined && { ofAnother: foreign }),
  }
}

/**
 * Stops the server, and removes what was made for the registry. If it is interrupted, the next call
 * removes the rest, and until then no registry can be made there.
 * @returns what was there before
 * @throws {PortsError} as `registryFiles`; `DATABASE_UNAVAILABLE` if the server cannot be stopped
 */
export async function removeRegistryFiles(home: string, notify: Notify): Promise<RegistryFiles> {
  const found = registryFiles(home)
  if (found.paths.length === 0) return found
  await withStartLock(home, notify, async (lock) => {
    const place = placeOf(home)
    const { data, cluster, foreign } = place
    if (foreign === undefined && existsSync(data)) {
      refuseForeignData(data)
      await stopPostmaster(data)
      lock.noteMade()
      // Renamed in one step, because a server must never start on a part of its data. New data are
      // not made either, because the lock's file says that there were some.
      renameSync(data, join(cluster, `${UNFINISHED}${process.pid}`))
    }
    await removeCluster(place)
    for (const link of linksIn(home)) unlinkSync(link)
    // Last, because it proves that the rest is a registry's.
    unlinkSync(lockFile(home))
  })
  removeIfEmpty(home)
  return found
}

function placeOf(home: string): Place {
  const name = join(home, 'data')
  const target = linkTarget(name) ?? linkTarget(join(home, UNFINISHED_LINK)) ?? name
  const data = existsSync(name) ? realpathSync(name) : target
  if (isOfAnother(home)) return { data: name, cluster: home, foreign: data }
  return { data, cluster: data === name ? home : dirname(data) }
}

/** Whether the home's link to data leads through the home of another registry. */
function isOfAnother(home: string): boolean {
  if (!existsSync(join(home, 'data'))) return false
  const own = realpathSync(home)
  for (let path = linkTarget(join(home, 'data')); path !== undefined; path = linkTarget(path)) {
    const directory = dirname(path)
    if (realpathSync(directory) !== own && hasLockRecord(directory)) return true
  }
  return false
}

function filesIn({ data, cluster }: Place): string[] {
  const run = clusterFiles.sockets(data)
  return [
    data,
    ...unfinishedData(cluster),
    ...(isSocketDirectory(run) ? [run] : []),
    clusterFiles.log(data),
    // Root's registries share their copies.
    ...(isRoot() ? [] : copiesOfPrograms(cluster)),
  ]
}

async function removeCluster({ data, cluster }: Place): Promise<void> {
  for (const path of unfinishedData(cluster)) await removeUnfinished(path, accountOf(path))
  const run = clusterFiles.sockets(data)
  if (isSocketDirectory(run)) removeSocketDirectory(run)
  rmSync(clusterFiles.log(data), { force: true })
  if (!isRoot()) removeCopies(cluster)
  if (isMadeForRegistry(cluster)) removeIfEmpty(cluster)
}

/** Whether it is the directory of one of root's registries, to which the home has only a link. */
function isMadeForRegistry(cluster: string): boolean {
  const name = basename(cluster)
  const isNamedSo = name.startsWith(REGISTRY) && /^[0-9a-f]+$/.test(name.slice(REGISTRY.length))
  return dirname(cluster) === rootDirectory && isNamedSo
}

function linksIn(home: string): string[] {
  return ['data', UNFINISHED_LINK]
    .map((name) => join(home, name))
    .filter((path) => linkTarget(path) !== undefined)
}

function unfinishedData(cluster: string): string[] {
  if (!existsSync(cluster)) return []
  return unfinishedIn(cluster, UNFINISHED).map(({ path }) => path)
}

/** Whether it has only the server's sockets. A link counts too, but not what it leads to. */
function isSocketDirectory(run: string): boolean {
  const stats = lstatSync(run, { throwIfNoEntry: false })
  if (stats?.isSymbolicLink()) return true
  if (!stats?.isDirectory()) return false
  return entriesOf(run).every((path) => SOCKET_FILES.includes(basename(path)))
}

function removeSocketDirectory(run: string): void {
  if (linkTarget(run) !== undefined) {
    unlinkSync(run)
    return
  }
  for (const name of SOCKET_FILES) rmSync(join(run, name), { force: true })
  rmdirSync(run)
}

function entriesOf(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : []
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function linkTarget(path: string): string | undefined {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return undefined
  return resolve(dirname(path), readlinkSync(path))
}

/** Keeps a directory that is not empty, a mount point, and one that this process may not remove. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (!['ENOTEMPTY', 'EEXIST', 'EBUSY', 'ENOENT', 'EACCES', 'EPERM'].includes(code)) throw error
  }
}
