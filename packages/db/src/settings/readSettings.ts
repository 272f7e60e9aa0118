import type { CallerDefaults } from '@ports/core'
import { FIELD_NAMES, FIELDS, type FieldName, type FieldValue, shownValue } from './fields.js'
import { type FieldValues, readSettingsFile } from './settingsFile.js'
import { settingsFiles } from './settingsFiles.js'

/** The value of a field, and where it comes from. */
export interface Setting<Name extends FieldName = FieldName> {
  readonly field: Name
  /** `null` if nothing is set and there is no default. */
  readonly value: FieldValue<Name> | null
  readonly source: 'environment' | 'file' | 'default'
  /** The environment variable or the file; `null` for a default. */
  readonly from: string | null
}

/** The settings of one file. */
interface Content {
  readonly file: string
  readonly values: FieldValues
}

/**
 * The value of a field in this process: that of the environment, else of the user's file, else of
 * the machine's. A database URL includes its password.
 * @param files in the order of precedence
 * @throws {PortsError} `INVALID_ARGUMENT` for a wrong value of its variable, and for anything wrong
 * in a file
 */
export function readSetting<Name extends FieldName>(
  field: Name,
  files: readonly string[] = settingsFiles(),
): Setting<Name> {
  return settingIn(contentsOf(files), field)
}

/** All fields; a database URL without its password. Throws as `readSetting`. */
export function listSettings(files: readonly string[] = settingsFiles()): Setting[] {
  const contents = contentsOf(files)
  return FIELD_NAMES.map((field) => {
    const setting: Setting = settingIn(contents, field)
    return { ...setting, value: shownValue(setting) }
  })
}

/**
 * The settings of callers, for a `PortManager`, which reads the environment's hostname and actor
 * itself. Throws as `readSetting`.
 */
export function callerDefaults(files: readonly string[] = settingsFiles()): CallerDefaults {
  const contents = contentsOf(files)
  const set = (['hostname', 'actor', 'rangeSize'] as const)
    .map((field): Setting => settingIn(contents, field))
    .filter(
      ({ field, source }) =>
        source === 'file' || (source === 'environment' && field === 'rangeSize'),
    )
  return Object.fromEntries(set.map(({ field, value }) => [field, value]))
}

/**
 * Whether a database is set, so that the embedded one is not used. Does not validate its URL in the
 * environment.
 */
export function namesDatabase(files: readonly string[] = settingsFiles()): boolean {
  return (
    Boolean(FIELDS.databaseUrl.fromEnvironment()) ||
    contentsOf(files).some(({ values }) => values.databaseUrl !== undefined)
  )
}

/** Validates every file, even if the environment or another file takes precedence. */
function contentsOf(files: readonly string[]): Content[] {
  return files.map((file) => ({ file, values: readSettingsFile(file) }))
}

function settingIn<Name extends FieldName>(
  contents: readonly Content[],
  field: Name,
): Setting<Name> {
  const { variable, fromEnvironment, parse, valid, standard } = FIELDS[field]
  const text = fromEnvironment()
  if (text) {
    const value = valid(variable, parse(text)) as FieldValue<Name>
    return { field, value, source: 'environment', from: variable }
  }
  const content = contents.find(({ values }) => values[field] !== undefined)
  if (content) {
    const value = content.values[field] as FieldValue<Name>
    return { field, value, source: 'file', from: content.file }
  }
  const value = (standard() ?? null) as FieldValue<Name> | null
  return { field, value, source: 'default', from: null }
}
