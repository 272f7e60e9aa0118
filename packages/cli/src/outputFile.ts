import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, open, readdir, readFile, readlink, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { PortsError, printable, statOf } from '@ports/core'
import { nameOfUser } from './explain/nameOfUser.js'

/** A file that a command writes. */
export interface OutputFile {
  /** The option that named it, for errors. */
  readonly field: string
  readonly name: string
  /** Where it is, or would be: symbolic links are followed. */
  readonly path: string
  /** Undefined if there is no such file. */
  readonly content: string | undefined
}

/** @throws {PortsError} `INVALID_ARGUMENT` if it cannot be read, is not text or cannot be made */
export async function readOutputFile(field: string, name: string): Promise<OutputFile> {
  try {
    const path = await followed(name)
    const content = await textIn(path)
    return { field, name, path, content }
  } catch (error) {
    throw translated(field, name, error)
  }
}

/** A link may lead to a file that is yet to be made, in a directory that is there. */
async function followed(name: string): Promise<string> {
  try {
    return await realpath(name)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
  if (name.endsWith('/')) throw new Unusable(`There is no directory ${name}.`, 'Name a file.')
  const directory = await realpath(dirname(name)).catch((error) => {
    if (codeOf(error) !== 'ENOENT') throw error
    throw new Unusable(`There is no directory ${dirname(name)}.`, 'Make it first.')
  })
  const path = join(directory, basename(name))
  const link = await readlink(path).catch(() => undefined)
  return link === undefined ? path : followed(resolve(directory, link))
}

async function textIn(path: string): Promise<string | undefined> {
  const stats = statIfThere(path)
  if (stats === undefined) return undefined
  if (stats.isDirectory()) throw new Unusable(`${path} is a directory.`, 'Name a file in it.')
  if (!stats.isFile()) {
    throw new Unusable(`${path} is no regular file.`, 'Name another file, or redirect the output.')
  }
  const bytes = await readFile(path)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    // What is not UTF-8 could not be written back as it was.
    throw new Unusable(`${path} is not text in UTF-8.`, 'Convert it first, or name another file.')
  }
}

/**
 * Puts a new file in place of the old one in one step, with its mode and its owner. A process that
 * is killed meanwhile leaves the old file, and a temporary one that the next call removes.
 * @throws {PortsError} `INVALID_ARGUMENT` if it cannot be written; it is then as it was
 */
export async function writeOutputFile(
  { field, name, path }: OutputFile,
  content: string,
): Promise<void> {
  try {
    const before = statIfThere(path)
    if (before) await refuseLoss(path, before)
    await replace(path, content, before)
  } catch (error) {
    throw translated(field, name, error)
  }
}

type Stats = ReturnType<typeof statOf>

/** Refuses to replace a file if the new one would differ in more than its content. */
async function refuseLoss(path: string, { nlink, uid, gid }: Stats): Promise<void> {
  if (nlink > 1n) {
    throw new Unusable(
      `${path} has ${nlink} hard links. The others would keep the old text.`,
      'Replace them with symbolic links, or remove them.',
    )
  }
  // The mode of a file says nothing about whether it can be replaced.
  await access(path, constants.W_OK).catch((error: Error) => {
    throw new Unusable(
      `This user may not write ${path} (${error.message}).`,
      'Run this as a user who may, or change the mode of the file.',
    )
  })
  const user = process.geteuid?.()
  if (user === undefined || user === 0) return
  if (uid !== BigInt(user)) {
    throw new Unusable(
      `${path} belongs to ${nameOfUser(Number(uid))}. The new file would belong to ` +
        `${nameOfUser(user)}.`,
      `Run this as ${nameOfUser(Number(uid))}, or change the owner of the file.`,
    )
  }
  const groups = [process.getegid!(), ...process.getgroups!()]
  if (!groups.some((group) => gid === BigInt(group))) {
    throw new Unusable(
      `${path} has the group ${gid}, which this user does not belong to and cannot give the new file.`,
      'Run this as root, or change the group of the file.',
    )
  }
}

async function replace(path: string, content: string, before: Stats | undefined): Promise<void> {
  const directory = dirname(path)
  await removeLeftOver(directory)
  const temporary = join(directory, `.ports-${process.pid}-${randomBytes(6).toString('hex')}.tmp`)
  try {
    await writeNew(temporary, content, before)
    await rename(temporary, path)
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EBUSY', 'EROFS'].includes(codeOf(error) ?? '')) throw error
    throw new Unusable(
      `${path} cannot be replaced by a new file in its directory (${(error as Error).message}).`,
      'Run this as a user who may write in that directory, or redirect the output.',
    )
  } finally {
    await rm(temporary, { force: true })
  }
}

async function writeNew(path: string, content: string, like: Stats | undefined): Promise<void> {
  const file = await open(path, 'wx', like ? 0o600 : 0o666)
  try {
    await file.writeFile(content)
    if (like) {
      const { uid, gid } = await file.stat({ bigint: true })
      if (uid !== like.uid || gid !== like.gid) await file.chown(Number(like.uid), Number(like.gid))
      // After the change of owner, which takes away some bits.
      await file.chmod(Number(like.mode & 0o7777n))
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

const TEMPORARY = /^\.ports-(?<pid>\d+)-[0-9a-f]{12}\.tmp$/

/** Removes temporary files of processes that have ended, where this user may. */
async function removeLeftOver(directory: string): Promise<void> {
  const names = await readdir(directory).catch((): string[] => [])
  for (const name of names) {
    const pid = TEMPORARY.exec(name)?.groups?.pid
    if (pid === undefined || isThere(Number(pid))) continue
    await rm(join(directory, name), { force: true }).catch(() => {})
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // It is another user's otherwise.
    return codeOf(error) !== 'ESRCH'
  }
}

/** Why a file cannot be used, and what to do. */
class Unusable extends Error {
  constructor(
    why: string,
    readonly next: string,
  ) {
    super(why)
  }
}

/** Other errors than those of the system are bugs. */
function translated(field: string, name: string, error: unknown): unknown {
  if (error instanceof Unusable) return refusal(field, name, `${error.message} ${error.next}`)
  if (!(error instanceof Error && 'syscall' in error)) return error
  return refusal(
    field,
    name,
    `${printable(name)} cannot be written (${error.message}). Correct that, or name another file.`,
  )
}

function refusal(field: string, name: string, message: string): PortsError {
  return new PortsError('INVALID_ARGUMENT', printable(message), { field, value: name })
}

function statIfThere(path: string): Stats | undefined {
  try {
    return statOf(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
