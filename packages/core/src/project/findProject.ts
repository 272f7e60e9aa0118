import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { nearestName } from '../name.js'
import { type GitWorktree, gitWorktree } from './gitWorktree.js'
import { isInside } from './isInside.js'
import { PROJECT_FILE, type ProjectService, readProjectFile } from './ProjectFile.js'

/** What a directory and those above it say about a project. */
export interface LocalProject {
  readonly projectName: string
  /** The top directory of this checkout, absolute and without symbolic links. */
  readonly root: string
  /** Whether it is a linked worktree of Git. */
  readonly isLinked: boolean
  /** Where the name comes from. */
  readonly namedBy: 'ports.json' | 'package.json' | 'git remote'
  /** The services of `ports.json`. Empty without one. */
  readonly services: Readonly<Record<string, ProjectService>>
}

/**
 * The project of a directory, named by the `ports.json` there or above, else by the package, else by
 * the repository's remote. Undefined if nothing names one.
 * @throws {PortsError} `INVALID_ARGUMENT` if `ports.json` is malformed
 */
export function findProject(directory: string): LocalProject | undefined {
  const from = realpathSync(directory)
  const worktree = gitWorktree(from)

  const withFile = nearestWith(PROJECT_FILE, from)
  if (withFile !== undefined) {
    const { project, services } = readProjectFile(join(withFile, PROJECT_FILE))
    const copy = copyOf(withFile, worktree)
    return { projectName: project, ...copy, namedBy: PROJECT_FILE, services }
  }

  const isLinked = worktree?.isLinked ?? false
  const root = worktree?.root
  const packageRoot = nearestWith('package.json', root ?? from)
  const packageName = packageRoot === undefined ? undefined : packageNameIn(packageRoot)
  if (packageRoot !== undefined && packageName !== undefined) {
    return {
      projectName: packageName,
      root: root ?? packageRoot,
      isLinked,
      namedBy: 'package.json',
      services: {},
    }
  }
  const remote = worktree && remoteName(worktree.commonDirectory)
  if (root === undefined || remote === undefined) return undefined
  return { projectName: remote, root, isLinked, namedBy: 'git remote', services: {} }
}

/** The top directory of the checkout in which a `ports.json` names the project, if one does. */
export function rootWithFile(directory: string): string | undefined {
  const withFile = nearestWith(PROJECT_FILE, directory)
  return withFile === undefined ? undefined : copyOf(withFile, gitWorktree(directory)).root
}

/**
 * The copy of a project that contains the file. A linked worktree below that directory, in which the
 * file is not checked out, is a copy of its own.
 */
function copyOf(withFile: string, worktree: GitWorktree | undefined) {
  if (worktree?.isLinked && worktree.root !== withFile && isInside(worktree.root, withFile)) {
    return { root: worktree.root, isLinked: true }
  }
  return { root: withFile, isLinked: gitWorktree(withFile)?.isLinked ?? false }
}

/**
 * The directory, or the nearest one above it, that has such a file. A file of another user counts
 * only if that user owns the given directory: anybody can write a file to /tmp, and `ports run`
 * would run its commands.
 */
export function nearestWith(file: string, directory: string): string | undefined {
  const trusted = [process.getuid?.(), 0, ownerOf(directory)]
  for (let each = directory; ; each = dirname(each)) {
    const owner = ownerOf(join(each, file))
    if (owner !== undefined && trusted.includes(owner)) return each
    if (dirname(each) === each) return undefined
  }
}

/** Undefined if it does not exist, or may not be inspected. */
function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch {
    return undefined
  }
}

/** Undefined if no name for a project can be made from that of the package. */
export function packageNameIn(directory: string): string | undefined {
  const { name } = packageJsonIn(directory)
  return typeof name === 'string' ? nearestName(name) : undefined
}

/** The fields of `package.json`. None if it is not a JSON object. */
export function packageJsonIn(directory: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')))
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}

/** The last part of the URL of `origin`, without `.git`. */
function remoteName(commonDirectory: string): string | undefined {
  const path = join(commonDirectory, 'config')
  const config = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const origin = /^\[remote "origin"\]\n(?:[ \t].*\n)*?[ \t]*url = (?<url>.+)$/m.exec(config)
  const url = origin?.groups?.url
  return url === undefined ? undefined : nearestName(basename(url.split(/[/:]/).at(-1)!, '.git'))
}
