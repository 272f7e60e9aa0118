import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { PortsError } from '@ports/core'
import { isRoot, nameOf } from '../embedded/serverAccount.js'
import { makeDirectories } from '../embedded/trustedPath.js'
import { FIELDS, validFieldName } from './fields.js'
import { readSetting, type Setting } from './readSettings.js'
import { parseSettingsFile, refused, validValues } from './settingsFile.js'
import { userFile } from './settingsFiles.js'

/** The file that was written, and the setting now in effect. */
export interface WrittenSetting {
  readonly file: string
  /** Comes from the environment if that sets the field too. */
  readonly setting: Setting
}

/**
 * Sets a field in the user's file, which only the user can read, or removes it for empty text. The
 * other fields stay; the file is replaced atomically. Two callers at the same time can undo each
 * other's change.
 * @throws {PortsError} `INVALID_ARGUMENT` for an unknown field, a value that it cannot have, a file
 * with other mistakes, and a file that cannot be written
 */
export function writeSetting(field: string, text: string): WrittenSetting {
  const name = validFieldName('field', field)
  const given = text === '' ? {} : { [name]: FIELDS[name].valid(name, FIELDS[name].parse(text)) }
  const file = userFile()
  if (file === undefined) throw noHome()
  // Validated with the new value, so that a wrong one can be replaced.
  const { [name]: _, ...others } = parseSettingsFile(file)
  const content = { ...others, ...given }
  validValues(file, content)
  replace(file, `${JSON.stringify(content, null, 2)}\n`)
  return { file, setting: readSetting(name) }
}

function replace(file: string, text: string): void {
  try {
    // A link stays a link, for users who keep their configuration elsewhere.
    const target = existsSync(file) ? realpathSync(file) : file
    refuseForeignPlace(file, dirname(target))
    makeDirectories(dirname(target))
    const temporary = `${target}.${process.pid}-${Math.random().toString(36).slice(2)}`
    try {
      writeNew(temporary, text)
      renameSync(temporary, target)
    } finally {
      rmSync(temporary, { force: true })
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    const reason = `cannot be written (${(error as Error).message})`
    throw refused(file, reason, 'Give this user permission to write there')
  }
}

function writeNew(file: string, text: string): void {
  const descriptor = openSync(file, 'wx', 0o600)
  try {
    writeFileSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Root would own a file in another user's directory, and that user could not read it. */
function refuseForeignPlace(file: string, directory: string): void {
  if (!isRoot()) return
  const { uid } = nearestStats(directory)
  if (uid === 0) return
  const owner = nameOf(uid)
  throw refused(file, `is in a directory of ${owner}`, `Run this as ${owner}`)
}

/** The stats of the directory, or of the nearest one above it that exists. */
function nearestStats(directory: string): Stats {
  return statSync(directory, { throwIfNoEntry: false }) ?? nearestStats(dirname(directory))
}

function noHome(): PortsError {
  return new PortsError(
    'INVALID_ARGUMENT',
    'There is no home directory to keep settings in. Set HOME, or XDG_CONFIG_HOME to an absolute ' +
      'path.',
  )
}
