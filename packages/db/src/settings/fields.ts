import {
  actorHere,
  DEFAULT_RANGE_SIZE,
  invalidArgument,
  LARGEST_ENSURED_BLOCK,
  MAX_LENGTH,
  validActor,
  validCount,
  validHostname,
} from '@ports/core'
import { shownUrl, validPostgresUrl } from '../postgresUrl.js'

/** A part of a JSON Schema, as a settings file has it for a field. */
type Schema = Readonly<Record<string, unknown>>

interface Field<Value> {
  /** The environment variable, which takes precedence over the files. */
  readonly variable: string
  /** Empty means not set. */
  readonly fromEnvironment: () => string | undefined
  /** Converts text to a value. Text that is no value stays text, so that `valid` can name it. */
  readonly parse: (text: string) => unknown
  /** @throws {PortsError} `INVALID_ARGUMENT` */
  readonly valid: (name: string, value: unknown) => Value
  /** The default; undefined if there is none. */
  readonly standard: () => Value | undefined
  readonly schema: Schema
}

/** All settings, under their names in a settings file. */
export const FIELDS = {
  databaseUrl: {
    variable: 'PORTS_DATABASE_URL',
    fromEnvironment: () => process.env.PORTS_DATABASE_URL?.trim(),
    parse: asText,
    valid: validPostgresUrl,
    standard: () => undefined,
    schema: {
      type: 'string',
      pattern: '^\\s*postgres(ql)?://',
      description:
        'The PostgreSQL database to use instead of the embedded one. It may hold a password: keep ' +
        'the file from other users.',
    },
  },
  hostname: {
    variable: 'PORTS_HOSTNAME',
    fromEnvironment: () => process.env.PORTS_HOSTNAME,
    parse: asText,
    valid: validHostname,
    standard: () => 'localhost',
    schema: {
      type: 'string',
      minLength: 1,
      description: 'The name of this machine, where several share a registry.',
    },
  },
  actor: {
    variable: 'PORTS_ACTOR',
    fromEnvironment: () => process.env.PORTS_ACTOR,
    parse: asText,
    valid: validActor,
    standard: actorHere,
    schema: {
      type: 'string',
      minLength: 1,
      maxLength: MAX_LENGTH.actor,
      description:
        'The actor that the history shows for every call, whatever a call names. Default: the actor ' +
        "that a call names, such as an agent's client, else user@host.",
    },
  },
  rangeSize: {
    variable: 'PORTS_RANGE_SIZE',
    fromEnvironment: () => process.env.PORTS_RANGE_SIZE,
    parse: (text) => (/^\d+$/.test(text) ? Number(text) : text),
    valid: (name, value) => validCount(name, value, LARGEST_ENSURED_BLOCK),
    standard: () => DEFAULT_RANGE_SIZE,
    schema: {
      type: 'integer',
      minimum: 1,
      maximum: LARGEST_ENSURED_BLOCK,
      description: `The size of a new range that is created without numbers. Default: ${DEFAULT_RANGE_SIZE}.`,
    },
  },
  defaultRanges: {
    variable: 'PORTS_DEFAULT_RANGES',
    fromEnvironment: () => process.env.PORTS_DEFAULT_RANGES,
    parse: (text) => ({ true: true, false: false })[text] ?? text,
    valid: validBoolean,
    standard: () => true,
    schema: {
      type: 'boolean',
      description: 'Whether a new embedded registry begins with the default ranges. Default: true.',
    },
  },
} as const satisfies Readonly<Record<string, Field<unknown>>>

export type FieldName = keyof typeof FIELDS

export type FieldValue<Name extends FieldName> = ReturnType<(typeof FIELDS)[Name]['valid']>

export const FIELD_NAMES = Object.keys(FIELDS) as readonly FieldName[]

/** @throws {PortsError} `INVALID_ARGUMENT` naming the known fields */
export function validFieldName(field: string, name: string): FieldName {
  const known = FIELD_NAMES.find((each) => each === name)
  if (known) return known
  throw invalidArgument(field, name, `one of ${FIELD_NAMES.join(', ')}`)
}

/** The value without secrets: a URL without its password. */
export function shownValue<Value>({ field, value }: { field: FieldName; value: Value }) {
  return field === 'databaseUrl' && value !== null ? shownUrl(String(value)) : value
}

function asText(text: string): string {
  return text
}

function validBoolean(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw invalidArgument(name, value, 'true or false')
}
