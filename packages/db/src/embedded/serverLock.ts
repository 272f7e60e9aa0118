import { closeSync, constants, existsSync, fchownSync, openSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { PortsError } from '@ports/core'
import {
  describe,
  type Holder,
  holderHere,
  isOfEarlierBoot,
  isOfThisKernel,
  READ_WRITE_CREATE,
  readRecord,
  writeRecord,
} from './lockHolder.js'
import { openOwnFile } from './ownFile.js'
import { isRoot, type ServerAccount } from './serverAccount.js'

/**
 * Types of file systems (statfs(2)) that two kernels can have mounted at once. On these a lock may
 * be local to one kernel, so a free lock proves nothing about another machine.
 */
const SHARED_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB 2
  0x01021997, // 9P
  0x65735546, // FUSE and virtiofs
  0x00c36400, // Ceph
  0x01161970, // GFS2
  0x7461636f, // OCFS2
  0x0bd00bd0, // Lustre
  0x5346414f, // AFS
  0x786f4256, // VirtualBox's shared folders
  0xbacbacbc, // VMware's shared folders
])

const LOCK = 'ports-server.lock'

/**
 * The lock of a server on its data directory. The server and its processes inherit the open file,
 * so the kernel holds the lock until the last of them has ended, and shows it to every container
 * and, over NFS, to every machine. PostgreSQL's own two locks, a pid and a shared memory segment,
 * mean nothing in another PID or IPC namespace.
 */
export class ServerLock {
  readonly #file: number

  private constructor(file: number) {
    this.#file = file
  }

  /** Undefined if a server, here or elsewhere, has the lock. */
  static async tryTake(data: string, account: ServerAccount): Promise<ServerLock | undefined> {
    const { tryLock } = await import('fs-native-extensions')
    const file = openLock(data, account)
    if (!tryLock(file)) {
      closeSync(file)
      return undefined
    }
    const holder = holderOf(file)
    if (holder === undefined || isGone(data, holder)) return new ServerLock(file)
    closeSync(file)
    throw heldElsewhere(data, holder)
  }

  /** The open file of the lock, for the server to inherit. */
  get descriptor(): number {
    return this.#file
  }

  writeHolder(pid: number): void {
    writeRecord(this.#file, holderHere(pid))
  }

  /** Closes this process's copy; a server that inherited it keeps the lock. */
  close(): void {
    closeSync(this.#file)
  }
}

/** Whether a server has the lock now. */
export async function isServerLocked(data: string, account: ServerAccount): Promise<boolean> {
  const lock = await ServerLock.tryTake(data, account)
  lock?.close()
  return lock === undefined
}

/** The server that has the lock or had it last, according to the lock's file. */
export function lastHolder(data: string, account: ServerAccount): Holder | undefined {
  const file = openLock(data, account)
  try {
    return holderOf(file)
  } finally {
    closeSync(file)
  }
}

export function heldElsewhere(data: string, holder: Holder | undefined): PortsError {
  const who = holder === undefined ? 'a process that cannot be seen from here' : describe(holder)
  const isElsewhere = holder !== undefined && !isOfThisKernel(holder)
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `The registry's database in ${data} is in use by ${who}, and this process cannot connect ` +
      'to it. Nothing was changed. Only one machine or container at a time can run it: stop it ' +
      'there, set PORTS_HOME to a directory that only this one uses, or share a registry through ' +
      'PORTS_DATABASE_URL.' +
      (isElsewhere
        ? ` If that machine is gone for good, remove ${join(data, LOCK)} and try again.`
        : ''),
    { dataDirectory: data, holder },
  )
}

/**
 * Whether a holder whose lock is free has ended. It has, unless another machine may hold the lock
 * without this one's kernel knowing.
 */
function isGone(data: string, holder: Holder): boolean {
  if (isOfThisKernel(holder) || isOfEarlierBoot(holder)) return true
  if (!SHARED_FILE_SYSTEMS.has(statfsSync(data).type)) return true
  // A server that shuts down in order removes this file last.
  return !existsSync(join(data, 'postmaster.pid'))
}

function holderOf(file: number): Holder | undefined {
  const record = readRecord<Holder>(file)
  return record?.host !== undefined && record.pid !== undefined ? (record as Holder) : undefined
}

/** Root gives the file to the server's account, which owns the directory. */
function openLock(data: string, account: ServerAccount): number {
  const path = join(data, LOCK)
  if (isRoot() && !existsSync(path)) {
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
    const made = openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600)
    fchownSync(made, account.uid, account.gid)
    closeSync(made)
  }
  return openOwnFile(path, READ_WRITE_CREATE, account.uid)
}
