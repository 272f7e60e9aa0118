import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { userFile } from './settingsFiles.js'

/** The user's settings file, and the files that a killed writer of it has left. */
export function ownSettingsFiles(): string[] {
  const file = userFile()
  if (file === undefined) return []
  const directory = dirname(file)
  if (!existsSync(directory)) return []
  const name = basename(file)
  const isTemporary = (each: string) =>
    each.startsWith(`${name}.`) && /^\d+-[0-9a-z]+$/.test(each.slice(name.length + 1))
  return readdirSync(directory)
    .filter((each) => each === name || isTemporary(each))
    .map((each) => join(directory, each))
}
