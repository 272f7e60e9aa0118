import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { BINARY, ended, environmentOn } from './ports.js'

/** A directory with these files, which goes away with the test. Objects are written as JSON. */
export function projectDirectory(files: Readonly<Record<string, string | object>>): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'ports-project-')))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  writeFiles(directory, files)
  return directory
}

export function writeFiles(
  directory: string,
  files: Readonly<Record<string, string | object>>,
): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  }
}

/** The built command on a database, in a directory. */
export function portsIn(
  directory: string,
  url: string,
  more: Readonly<Record<string, string>> = {},
) {
  return (...args: string[]) =>
    ended(process.execPath, [BINARY, ...args], environmentOn(url, more), directory)
}
