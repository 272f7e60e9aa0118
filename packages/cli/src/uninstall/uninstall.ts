import { existsSync, lstatSync, rmdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { counted, printable } from '@ports/core'
import type { RegistryFiles } from '@ports/db'
import type { Context } from '../Context.js'
import type { Columns } from '../table.js'
import { completionFiles } from './completionFiles.js'

interface Found {
  readonly kind: 'server' | 'registry' | 'settings' | 'completion'
  /** Undefined for the server. */
  readonly path?: string
  /** The pid of the server. */
  readonly pid?: number
}

interface Kept {
  readonly path: string
  readonly reason: string
}

const COLUMNS: Columns<Found> = {
  WHAT: ({ kind }) => kind,
  WHERE: { whole: true, cell: ({ path, pid }) => path ?? `process ${pid}` },
}

/**
 * Removes what was made for this user on this machine: first the registry with its server, then
 * files. After an interruption, the next call removes the rest.
 * @param yes remove it, instead of showing it
 */
export async function uninstall(context: Context, yes: boolean): Promise<void> {
  const { database, output, answerNo } = context
  const registry = await database.files()
  const files = await ownFiles(context)
  const removable = registry.defaultRegistry === undefined ? files.filter(isOwn) : []
  const found = [...foundIn(registry), ...removable]
  const kept = keptIn(context, registry, files)
  if (found.length === 0) {
    output.outcome({ removed: false, found, kept }, 'There is nothing of ports to remove.')
    return tellKept(output, kept)
  }
  const sessions = await openSessions(context, registry)
  if (yes) {
    await database.remove()
    kept.push(...removeFiles(removable))
  }
  const { table } = await import('../table.js')
  output.result({ removed: yes, found, kept }, () => table(found, COLUMNS, output.stdout))
  const isRemoved = ({ path }: Found) => !kept.some((each) => each.path === path)
  const isComplete = yes && found.every(isRemoved)
  if (!isComplete) answerNo()
  tellKept(output, kept)
  if (output.json) return
  if (sessions > 0) output.notice(sessionsNotice(sessions))
  if (yes) return output.notice(isComplete ? REMOVED : INCOMPLETE)
  if (registry.paths.length > 0) output.notice(COPY)
  output.notice(NOT_REMOVED)
}

const COPY = 'To keep a copy of the registry: ports dump > registry.json'
const NOT_REMOVED = 'Nothing was removed. To remove this: ports uninstall --yes'
const INCOMPLETE = 'The rest was removed. Mend that, and run this again.'
const REMOVED = 'Removed. The program stays: remove it with the package manager that installed it.'

function tellKept(output: Context['output'], kept: readonly Kept[]): void {
  if (output.json) return
  for (const { path, reason } of kept) output.notice(`Kept: ${printable(path)}: ${reason}`)
}

function sessionsNotice(count: number): string {
  return (
    `Programs have ${counted(count, 'session')} in the registry. End them, such as MCP servers: ` +
    'their next call makes a new registry.'
  )
}

/** The number of open sessions. 0 if it is unknown, because only a warning depends on it. */
async function openSessions({ database }: Context, { pid }: RegistryFiles): Promise<number> {
  if (pid === undefined) return 0
  return database.status().then(
    ({ sessions }) => sessions?.open ?? 0,
    () => 0,
  )
}

function foundIn({ pid, paths }: RegistryFiles): Found[] {
  const server: Found[] = pid === undefined ? [] : [{ kind: 'server', pid }]
  return [...server, ...paths.map((path): Found => ({ kind: 'registry', path }))]
}

type FoundFile = Found & { readonly path: string }

async function ownFiles({ settings, environment }: Context): Promise<FoundFile[]> {
  const { scripts } = completionFiles(environment)
  return [
    ...(await settings.ownFiles()).map((path): FoundFile => ({ kind: 'settings', path })),
    ...scripts.map((path): FoundFile => ({ kind: 'completion', path })),
  ]
}

/** Whether the file is this user's, even if it is a link to a file of another one. */
function isOwn({ path }: FoundFile): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.uid === process.getuid?.()
}

function keptIn(
  { environment }: Context,
  { others, shared, ofAnother, defaultRegistry }: RegistryFiles,
  files: readonly FoundFile[],
): Kept[] {
  const { ofMachine, lines } = completionFiles(environment)
  const reasons: [reason: string, paths: readonly string[]][] = [
    ['ports did not make it', others],
    ['all registries of root share it', shared],
    ['another registry has it', ofAnother === undefined ? [] : [ofAnother]],
    ['it belongs to another user', files.filter((file) => !isOwn(file)).map(({ path }) => path)],
    [
      `the registry in ${defaultRegistry} also uses it`,
      defaultRegistry === undefined ? [] : files.filter(isOwn).map(({ path }) => path),
    ],
    ['it is for all users of this machine', [...ofMachine, ...MACHINE_SETTINGS.filter(existsSync)]],
    ['this line is yours to remove', lines],
  ]
  return reasons.flatMap(([reason, paths]) => paths.map((path) => ({ path, reason })))
}

const MACHINE_SETTINGS: readonly string[] = ['/etc/ports/config.json']

/**
 * Also removes the directory of the settings, if nothing else is in it. Returns what could not be
 * removed.
 */
function removeFiles(files: readonly FoundFile[]): Kept[] {
  const failed = files.flatMap(({ path }) => failure(path, () => rmSync(path, { force: true })))
  const settings = files.find(({ kind }) => kind === 'settings')
  if (settings) failure(settings.path, () => rmdirSync(dirname(settings.path)))
  return failed
}

function failure(path: string, remove: () => void): Kept[] {
  try {
    remove()
    return []
  } catch (error) {
    const { syscall, message } = error as NodeJS.ErrnoException
    if (syscall === undefined) throw error
    return [{ path, reason: `it could not be removed (${message})` }]
  }
}
