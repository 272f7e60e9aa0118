import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { textOfFile } from '../readTextFile.js'
import { statOf } from '../statOf.js'

export interface GitWorktree {
  readonly root: string
  /** Whether it was made by `git worktree add`. A clone and a submodule have a repository of their own. */
  readonly isLinked: boolean
  /** The directory that contains `config`. */
  readonly commonDirectory: string
}

/**
 * The worktree that contains the directory, according to gitrepository-layout(5), or undefined.
 * Reads files and does not need Git.
 */
export function gitWorktree(directory: string): GitWorktree | undefined {
  for (let root = directory; ; root = dirname(root)) {
    const git = join(root, '.git')
    const gitDirectory = existsSync(git) ? directoryOf(git) : undefined
    if (gitDirectory !== undefined) {
      const common = firstLine(join(gitDirectory, 'commondir'))
      return {
        root,
        isLinked: common !== undefined,
        commonDirectory: common === undefined ? gitDirectory : resolve(gitDirectory, common),
      }
    }
    if (dirname(root) === root) return undefined
  }
}

/** In linked worktrees and submodules, `.git` is a file that names the directory. */
function directoryOf(git: string): string | undefined {
  if (statOf(git).isDirectory()) return git
  const named = /^gitdir: (.+)$/.exec(firstLine(git) ?? '')?.[1]
  return named === undefined ? undefined : resolve(dirname(git), named)
}

function firstLine(path: string): string | undefined {
  return textOfFile(path)?.split(/\r?\n/, 1)[0]
}
