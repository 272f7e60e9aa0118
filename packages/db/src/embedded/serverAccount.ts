import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { PortsError, unmappedUid } from '@ports/core'

/** The account that the server runs as. */
export interface ServerAccount {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

export type Notify = (message: string) => void

const SYSTEM_ACCOUNT = 'ports'

export function isRoot(): boolean {
  return process.getuid?.() === 0
}

/**
 * Options for running the system's own programs. Root looks for them where only root can write,
 * because the PATH that `sudo -E` passes on is another user's.
 */
export function systemCommand(): { readonly env: NodeJS.ProcessEnv } {
  const path = '/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin'
  return { env: { LC_ALL: 'C', PATH: isRoot() ? path : process.env.PATH } }
}

/** The directory of root's registries, whose server may not enter root's own directories. */
export const rootDirectory = '/var/lib/ports'

/** The owner of the registry: the user who runs this process. */
export function registryOwner(): string {
  try {
    return userInfo().username
  } catch (cause) {
    // PostgreSQL also looks its user up, and fails without an entry.
    throw new PortsError(
      'DATABASE_UNAVAILABLE',
      `The embedded database cannot run as uid ${process.getuid?.()}, which has no entry in ` +
        'the system’s user list. Set PORTS_DATABASE_URL to a PostgreSQL of your own.',
      {},
      { cause },
    )
  }
}

/**
 * Refuses the root of a user namespace that has no other user (unshare --map-root-user), because
 * PostgreSQL refuses to run as any root.
 * @throws {PortsError} `SANDBOXED`
 */
export function refuseLonelyRoot(): void {
  if (!isRoot() || unmappedUid() === undefined) return
  const map = readFileSync('/proc/self/uid_map', 'latin1').trim().split('\n')
  const isAlone = map.length === 1 && /^ *0 +\d+ +1$/.test(map[0] ?? '')
  if (!isAlone) return
  throw new PortsError(
    'SANDBOXED',
    'This process is root of a user namespace that has no other user, and PostgreSQL does not run ' +
      'as root. Nothing was changed. Run this outside the namespace, or set PORTS_DATABASE_URL to a ' +
      'PostgreSQL.',
  )
}

/**
 * The account for a new server: the user's own. Under root it is a separate account, because
 * PostgreSQL refuses to run as root.
 */
export function accountForNewServer(notify: Notify): ServerAccount {
  if (!isRoot()) {
    const { username, uid, gid } = userInfo()
    return { name: username, uid, gid }
  }
  const known = lookUp(SYSTEM_ACCOUNT)
  if (known) return known
  const created = spawnSync(
    'useradd',
    [
      '--system',
      '--user-group',
      '--no-create-home',
      ...['--home-dir', rootDirectory],
      ...['--shell', '/usr/sbin/nologin'],
      SYSTEM_ACCOUNT,
    ],
    systemCommand(),
  )
  // This call or a concurrent process has made it.
  const own = lookUp(SYSTEM_ACCOUNT)
  if (own) return own
  const nobody = lookUp('nobody')
  if (!nobody) {
    throw new PortsError(
      'DATABASE_UNAVAILABLE',
      `PostgreSQL does not run as root, and no account could be made for it (useradd: ` +
        `${created.error?.message ?? created.stderr.toString().trim()}). ` +
        'Set PORTS_DATABASE_URL to a PostgreSQL of your own.',
    )
  }
  notify(
    'no account could be made for the database, so it runs as "nobody", which other services ' +
      `may share. Better: create a system account "${SYSTEM_ACCOUNT}" and start over.`,
  )
  return nobody
}

/** The account of a server that has data already: the owner of the data. */
export function accountOf(data: string): ServerAccount {
  const { uid, gid } = statSync(data)
  return { name: nameOf(uid), uid, gid }
}

/** The user's name in the system's user database, for messages. */
export function nameOf(uid: number): string {
  const { status, stdout } = spawnSync('id', ['-nu', String(uid)], systemCommand())
  return status === 0 ? stdout.toString().trim() : `uid ${uid}`
}

/** Options of spawn: the account that the server's programs run as. */
export function runAs({ uid, gid }: ServerAccount): { uid?: number; gid?: number } {
  return isRoot() ? { uid, gid } : {}
}

/** Through `id`, which asks every source of users that the system has. */
function lookUp(name: string): ServerAccount | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => {
    const { status, stdout } = spawnSync('id', [flag, name], systemCommand())
    return status === 0 ? Number(stdout.toString()) : undefined
  })
  return uid === undefined || gid === undefined ? undefined : { name, uid, gid }
}
