import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { excerpt, PortsError, shown } from '@ports/core'
import { isRoot, nameOf } from '../embedded/serverAccount.js'
import { FIELD_NAMES, FIELDS, type FieldName, type FieldValue } from './fields.js'

/** The fields that are set. */
export type FieldValues = { readonly [Name in FieldName]?: FieldValue<Name> }

/** The longest excerpt of an unknown field's name, in characters. */
const MAX_SHOWN_KEY = 80

/** The key by which editors find the JSON Schema. */
const SCHEMA_KEY = '$schema'

/**
 * The fields that a settings file sets; none if there is no such file. It may be a link.
 * @throws {PortsError} `INVALID_ARGUMENT` naming the file, and the field that is wrong; also if the
 * file cannot be read, and under root if another user owns or can write it, because that user would
 * decide which database root uses
 */
export function readSettingsFile(file: string): FieldValues {
  return validValues(file, parseSettingsFile(file))
}

/** As `readSettingsFile`, but does not validate the fields. */
export function parseSettingsFile(file: string): Readonly<Record<string, unknown>> {
  const text = textOf(file)
  if (text === undefined) return {}
  const content = parsed(file, text)
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) {
    return content as Record<string, unknown>
  }
  throw refused(file, 'is not a JSON object', 'Write one there, such as {"hostname": "nas"}')
}

/** @throws {PortsError} `INVALID_ARGUMENT` naming file, field and value */
export function validValues(file: string, content: Readonly<Record<string, unknown>>): FieldValues {
  const judged = Object.entries(content)
    .filter(([key]) => key !== SCHEMA_KEY)
    .map(([key, value]) => [key, validValue(file, key, value)] as const)
  return Object.fromEntries(judged.filter(([, value]) => value !== undefined))
}

function validValue(file: string, key: string, value: unknown): unknown {
  const name = FIELD_NAMES.find((known) => known === key)
  // Without the value: a mistyped databaseUrl may hold a password.
  if (name === undefined) throw unknownField(file, key)
  // `null`, and '' for text, mean absent, as in an optional argument.
  if (value === null || (value === '' && FIELDS[name].schema.type === 'string')) return undefined
  try {
    return FIELDS[name].valid(name, value)
  } catch (error) {
    if (!(error instanceof PortsError)) throw error
    const message = `In ${file}: ${error.message} Correct that there.`
    throw new PortsError(error.code, message, { ...error.details, file }, { cause: error })
  }
}

function unknownField(file: string, key: string): PortsError {
  return new PortsError(
    'INVALID_ARGUMENT',
    `In ${file}: there is no setting ${shown(key)}. Rename it to one of ${FIELD_NAMES.join(', ')}, or ` +
      'remove it there.',
    { field: excerpt(key, MAX_SHOWN_KEY), file },
  )
}

function parsed(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // The message itself quotes the text, which may contain a password.
    const position = /at position (\d+)/.exec((error as Error).message)?.[1]
    const before = text.slice(0, Number(position ?? text.length))
    const line = before.split('\n').length
    throw refused(
      file,
      `is not JSON: line ${line} is incomplete or malformed`,
      'Correct that there',
    )
  }
}

/** Undefined if there is no such file. */
function textOf(file: string): string | undefined {
  try {
    // A FIFO must not keep the caller waiting.
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      refuseForeignFile(file, fstatSync(descriptor))
      return readFileSync(descriptor, 'utf8')
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException
    if (syscall === undefined) throw error
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw refused(file, `cannot be read (${message})`, 'Give this user permission to read it')
  }
}

function refuseForeignFile(file: string, stats: Stats): void {
  if (!stats.isFile()) throw refused(file, 'is not a regular file', 'Write a file there')
  if (!isRoot()) return
  if (stats.uid !== 0) {
    const owner = nameOf(stats.uid)
    const next = `Run this as ${owner}, or give the file to root (chown root)`
    throw refused(
      file,
      `belongs to ${owner}, and root does not read the settings of other users`,
      next,
    )
  }
  const othersCanWrite =
    (stats.mode & 0o002) !== 0 || ((stats.mode & 0o020) !== 0 && stats.gid !== 0)
  if (!othersCanWrite) return
  const next = 'Remove their write permission (chmod go-w)'
  throw refused(file, 'can be written by other users, and root does not read such settings', next)
}

/** @param next what to do, without a full stop */
export function refused(file: string, reason: string, next: string): PortsError {
  const elsewhere = 'or set XDG_CONFIG_HOME to another directory'
  const way = file.startsWith('/etc/') ? next : `${next}, ${elsewhere}`
  return new PortsError('INVALID_ARGUMENT', `The settings file ${file} ${reason}. ${way}.`, {
    file,
  })
}
