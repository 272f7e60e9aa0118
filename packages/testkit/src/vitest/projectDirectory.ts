import { randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { portsIn } from '../programs.js'
import { freshDatabase } from './database.js'

/** A directory with these files, which is removed after the test. */
export function projectDirectory(files: Readonly<Record<string, string | object>>): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'ports-project-')))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  writeFiles(directory, files)
  return directory
}

/** Objects are written as JSON. A text that begins with `#!` becomes a program. */
export function writeFiles(
  directory: string,
  files: Readonly<Record<string, string | object>>,
): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name)
    mkdirSync(dirname(path), { recursive: true })
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    writeFileSync(path, text, { mode: text.startsWith('#!') ? 0o755 : 0o666 })
  }
}

/**
 * A database in which each of the projects has ten numbers that hardly any other test uses. For
 * tests that listen, or look for listeners: all databases have the same default ranges, and all
 * tests share one host.
 */
export async function databaseWithOwnNumbers(...projectNames: string[]): Promise<string> {
  const url = await freshDatabase()
  const first = randomInt(1_000, 2_000) * 10
  for (const [nth, projectName] of projectNames.entries()) {
    const start = first + 10 * nth
    const range = ['--start', `${start}`, '--end', `${start + 9}`]
    await portsIn(tmpdir(), url)('range', 'create', projectName, ...range)
  }
  return url
}
