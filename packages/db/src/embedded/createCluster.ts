import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chownSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PortsError } from '@ports/core'
import { adviceFor } from './adviceFor.js'
import { binariesFor } from './binaries.js'
import { openOwnFile, readOwnFile } from './ownFile.js'
import { admission, admitCallers, DATABASE_ROLE } from './roles.js'
import {
  accountForNewServer,
  isRoot,
  type Notify,
  nameOf,
  registryOwner,
  rootDirectory,
  runAs,
  type ServerAccount,
  systemCommand,
} from './serverAccount.js'
import { spawnProgram } from './serverProgram.js'
import { refuseUnsafeSocketDirectory } from './socketDirectory.js'
import { makeEnterable, refuseForeignDirectory } from './trustedPath.js'
import { unfinishedIn } from './unfinished.js'

/** initdb takes a second, or several on a slow disk. One that is stopped (SIGSTOP) never ends. */
const INITDB_TIMEOUT_MS = 90_000

/**
 * The prefix of data that are being made or removed. The pid of the process that does this follows.
 */
export const UNFINISHED = 'data.unfinished-'
/** The prefix of the directories below `rootDirectory` that root's registries have. */
export const REGISTRY = 'registry-'
/** A link in the home to data elsewhere that are being made. */
export const UNFINISHED_LINK = 'data.unfinished'

/** The line in pg_hba.conf of every registry since the first, and of no other PostgreSQL. */
const ADMISSION = admission(DATABASE_ROLE)

/**
 * Makes a registry's data directory, synced to disk, and returns where it is. It appears whole or
 * not at all: a process that is killed here leaves only what the next attempt removes. Call it under
 * the start lock.
 */
export async function createCluster(home: string, notify: Notify): Promise<string> {
  const owner = registryOwner()
  const account = accountForNewServer(notify)
  const cluster = clusterDirectory(home)
  refuseUnsafeSocketDirectory(join(cluster, 'data'), account)
  const data = join(cluster, 'data')
  // Existing data are complete. Their maker was killed before it linked them from the home.
  if (!existsSync(data)) await createData(data, owner, account)
  if (cluster !== home) {
    renameSync(join(home, UNFINISHED_LINK), join(home, 'data'))
    sync(home)
  }
  const where = cluster === home ? home : `${home}, its data in ${cluster}`
  notify(`made the registry of ${owner} in ${where}`)
  return data
}

async function createData(data: string, owner: string, account: ServerAccount): Promise<void> {
  const cluster = dirname(data)
  const bin = binariesFor(data)
  for (const { path } of unfinishedIn(cluster, UNFINISHED)) await removeUnfinished(path, account)
  const unfinished = join(cluster, `${UNFINISHED}${process.pid}`)
  mkdirSync(unfinished, { mode: 0o700 })
  chownSync(unfinished, account.uid, account.gid)
  await initialise(bin, unfinished, account)
  admitOnly(owner, unfinished, account)
  renameSync(unfinished, data)
  sync(cluster)
}

/**
 * Root removes the directory as the server's account, which may still have a program running there.
 * In a directory that another user can write to, a path may lead elsewhere by the time it is
 * removed.
 */
export async function removeUnfinished(directory: string, account: ServerAccount): Promise<void> {
  if (!isRoot()) {
    // Retried, because an initdb that outlived its maker may still be writing there.
    return rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 })
  }
  for (let attempt = 1; ; attempt++) {
    spawnSync('rm', ['-rf', '--', directory], { ...systemCommand(), ...runAs(account), cwd: '/' })
    try {
      return rmdirSync(directory)
    } catch (error) {
      if (attempt === 20) throw error
      await sleep(20)
    }
  }
}

/**
 * The registry's home itself, or a directory of its own below /var/lib/ports if the server's
 * account cannot enter the home (mode 0700, as root). The home gets a link to that directory before
 * the directory exists, so that the attempt after a killed one continues at the same place. The
 * name of the link differs from that of finished data, because an unfinished attempt must not count
 * as lost data.
 */
function clusterDirectory(home: string): string {
  const link = join(home, UNFINISHED_LINK)
  const linked = lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()
  if (!linked && (!isRoot() || everyoneCanEnter(realpathSync(home)))) return home

  if (!linked) {
    const name = `${REGISTRY}${randomBytes(6).toString('hex')}`
    symlinkSync(join(rootDirectory, name, 'data'), link)
    sync(home)
  }
  const cluster = dirname(readlinkSync(link))
  refuseForeignDirectory(cluster)
  for (const directory of [rootDirectory, cluster]) makeEnterable(directory)
  return cluster
}

function everyoneCanEnter(directory: string): boolean {
  const parent = dirname(directory)
  const enterable = (statSync(directory).mode & 0o001) !== 0
  return enterable && (parent === directory || everyoneCanEnter(parent))
}

async function initialise(bin: string, data: string, account: ServerAccount): Promise<void> {
  const initdb = spawnProgram(
    join(bin, 'initdb'),
    [
      ...['--pgdata', data],
      ...['--username', DATABASE_ROLE],
      ...['--encoding', 'UTF8'],
      // PostgreSQL's own C.UTF-8 is the same on every machine; the system's locales are not.
      ...['--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
      ...['--auth', 'peer'],
      '--no-instructions',
    ],
    account,
    ['ignore', 'ignore', 'pipe'],
  )
  let said = ''
  initdb.stderr!.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  let isLate = false
  const limit = setTimeout(() => {
    isLate = initdb.kill('SIGKILL')
  }, INITDB_TIMEOUT_MS)
  const reason = await once(initdb, 'close').then(
    ([status, signal]) => {
      if (status === 0) return undefined
      if (isLate) return `initdb was not done after ${INITDB_TIMEOUT_MS / 1000} s`
      // initdb's own message about a signal does not explain it.
      if (signal !== null) return `initdb ended by ${signal}`
      return complaintsIn(said) || `initdb ended by ${status}`
    },
    (error: Error) => error.message,
  )
  clearTimeout(limit)
  if (reason === undefined) return
  throw new PortsError(
    'DATABASE_UNAVAILABLE',
    `The embedded database could not be made in ${dirname(data)}: ${reason}. ` +
      `${adviceFor(reason)}; or set PORTS_HOME to another directory, or PORTS_DATABASE_URL to a ` +
      'PostgreSQL of your own.',
  )
}

/** The complaints in initdb's output, without its next steps. */
function complaintsIn(said: string): string {
  const lines = said.trim().split('\n')
  const complaints = lines.filter((line) => /\b(error|FATAL|PANIC): /.test(line))
  return (complaints.length > 0 ? complaints : lines).slice(-3).join(' ')
}

/**
 * Peer authentication: the kernel says which user is at the other end of the socket, and only the
 * registry's owner and root are let in.
 */
function admitOnly(owner: string, data: string, account: ServerAccount): void {
  const users = [...new Set([owner, 'root'])]
  const identities = users.map((user) => `owner "${user}" ${DATABASE_ROLE}`)
  const files = {
    'pg_hba.conf': `${ADMISSION}\n`,
    'pg_ident.conf': `${identities.join('\n')}\n`,
  }
  for (const [name, text] of Object.entries(files)) {
    const file = openOwnFile(join(data, name), constants.O_WRONLY | constants.O_TRUNC, account.uid)
    writeFileSync(file, text)
    fsyncSync(file)
    closeSync(file)
  }
  admitCallers(data)
  sync(data)
}

/**
 * Refuses a directory in which no registry was made, before anything there is started, stopped or
 * removed. A link can lead to another PostgreSQL's data.
 * @throws {PortsError} `DATABASE_UNAVAILABLE`
 */
export function refuseForeignData(data: string): void {
  const { uid } = statSync(data)
  if (!isRoot() && uid !== process.getuid?.()) throw anotherUsers(data, uid)
  try {
    const text = readOwnFile(join(data, 'pg_hba.conf'), uid)
    if (text.split('\n').includes(ADMISSION)) return
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  throw notOurs(data)
}

function anotherUsers(data: string, uid: number): PortsError {
  const owner = nameOf(uid)
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `The registry in ${dirname(data)} is another user's: its database belongs to ${owner}. Set ` +
      'PORTS_HOME to a directory of your own, or share a registry through PORTS_DATABASE_URL.',
    { dataDirectory: data, owner },
  )
}

function notOurs(data: string): PortsError {
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `${data} does not hold the database of a registry; nothing was changed there. If it is another ` +
      "program's, set PORTS_HOME to another directory. If files of the registry are lost, restore " +
      'them from a backup.',
    { dataDirectory: data },
  )
}

function sync(directory: string): void {
  const handle = openSync(directory, 'r')
  fsyncSync(handle)
  closeSync(handle)
}
