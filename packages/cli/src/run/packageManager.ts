import { basename, dirname } from 'node:path'
import { filesInRepository, packageJsonIn } from '@ports/core'

export interface PackageManager {
  /** Its program. */
  readonly name: string
  /** The file by which it is recognized. */
  readonly lockFile: string
  /** The words that it needs before the arguments of a script. */
  readonly separator: readonly string[]
}

const NPM: PackageManager = { lockFile: 'package-lock.json', name: 'npm', separator: ['--'] }

const MANAGERS: readonly PackageManager[] = [
  { lockFile: 'pnpm-lock.yaml', name: 'pnpm', separator: [] },
  { lockFile: 'yarn.lock', name: 'yarn', separator: [] },
  { lockFile: 'bun.lock', name: 'bun', separator: [] },
  NPM,
]

/** `package.json` comes first in a directory. A workspace may choose for all its packages. */
const FILES = ['package.json', ...MANAGERS.map(({ lockFile }) => lockFile)]

export function managerNamed(name: string): PackageManager | undefined {
  return MANAGERS.find((manager) => manager.name === name)
}

/**
 * The package manager of a directory: the nearest one in its repository that `packageManager` or a
 * lock file names, else npm.
 */
export function managerOf(directory: string): PackageManager {
  for (const path of filesInRepository(FILES, directory)) {
    const file = basename(path)
    const manager =
      file === 'package.json'
        ? managerChosenIn(dirname(path))
        : MANAGERS.find(({ lockFile }) => lockFile === file)
    if (manager) return manager
  }
  return NPM
}

/** `packageManager` is a name, `@` and a version. */
function managerChosenIn(directory: string): PackageManager | undefined {
  const { packageManager } = packageJsonIn(directory)
  return typeof packageManager === 'string'
    ? managerNamed(packageManager.split('@')[0]!)
    : undefined
}
