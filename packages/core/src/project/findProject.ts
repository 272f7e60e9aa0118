import { realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import { invalidArgument } from '../errors.js'
import { nearestName } from '../name.js'
import { textOfFile } from '../readTextFile.js'
import { type GitWorktree, gitWorktree } from './gitWorktree.js'
import { isInside } from './isInside.js'
import { nearestPackage, nearestWith } from './nearest.js'
import { PROJECT_FILE, type ProjectService, readProjectFile } from './ProjectFile.js'

/** The project of a directory, as the files there and above describe it. */
export interface LocalProject {
  readonly projectName: string
  /** The top directory of this checkout, absolute and without symbolic links. */
  readonly root: string
  /** Whether it is a linked worktree of Git. */
  readonly isLinked: boolean
  /** The source of the name. */
  readonly namedBy: 'ports.json' | 'package.json' | 'git remote'
  /** The services of `ports.json`. Empty without one. */
  readonly services: Readonly<Record<string, ProjectService>>
}

/**
 * The project of a directory. `ports.json` there or above names it, else the package at the top of
 * the repository, else the repository's remote, else the nearest package in the repository. Without
 * a repository, the nearest package names it. Undefined if nothing does.
 * @throws {PortsError} `INVALID_ARGUMENT` if `ports.json` is malformed, or the directory cannot be
 * opened
 */
export function findProject(directory: string): LocalProject | undefined {
  const from = realPath(directory)
  const worktree = gitWorktree(from)

  const withFile = nearestWith(PROJECT_FILE, from)
  if (withFile !== undefined) {
    const { project, services } = readProjectFile(join(withFile, PROJECT_FILE))
    const copy = copyOf(withFile, worktree)
    return { projectName: project, ...copy, namedBy: PROJECT_FILE, services }
  }

  const { root = from, isLinked = false } = worktree ?? {}
  return (
    namedByPackage(root, isLinked) ??
    (worktree && namedByRemote(worktree)) ??
    namedByPackage(from, isLinked)
  )
}

function namedByPackage(directory: string, isLinked: boolean): LocalProject | undefined {
  const root = nearestPackage(directory)
  const projectName = root === undefined ? undefined : packageNameIn(root)
  if (root === undefined || projectName === undefined) return undefined
  return { projectName, root, isLinked, namedBy: 'package.json', services: {} }
}

function namedByRemote(worktree: GitWorktree): LocalProject | undefined {
  const { root, isLinked, commonDirectory } = worktree
  const projectName = remoteName(commonDirectory)
  if (projectName === undefined) return undefined
  return { projectName, root, isLinked, namedBy: 'git remote', services: {} }
}

function realPath(directory: string): string {
  try {
    return realpathSync(directory)
  } catch (error) {
    const reason = (error as Error).message
    throw invalidArgument('directory', directory, `a directory that can be opened (${reason})`)
  }
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

/** Undefined if the package has no name from which a project's name can be made. */
export function packageNameIn(directory: string): string | undefined {
  const { name } = packageJsonIn(directory)
  return typeof name === 'string' ? nearestName(name) : undefined
}

/** The fields of its `package.json`. Empty if the file cannot be read, or is no JSON object. */
export function packageJsonIn(directory: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(textOfFile(join(directory, 'package.json')) ?? ''))
  } catch {
    return {}
  }
}

/** The last part of the URL of `origin`, without `.git`. */
function remoteName(commonDirectory: string): string | undefined {
  const config = textOfFile(join(commonDirectory, 'config')) ?? ''
  const origin = /^\[remote "origin"\]\n(?:[ \t].*\n)*?[ \t]*url = (?<url>.+)$/m.exec(config)
  const url = origin?.groups?.url
  return url === undefined ? undefined : nearestName(basename(url.split(/[/:]/).at(-1)!, '.git'))
}
