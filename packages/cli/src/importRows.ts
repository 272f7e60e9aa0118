import { extname } from 'node:path'
import { type ImportRow, invalidArgument, PortsError } from '@ports/core'
import { readInput } from './readInput.js'

export const IMPORT_FORMATS = ['json', 'yaml', 'csv'] as const

type ImportFormat = (typeof IMPORT_FORMATS)[number]

/** The column names that are accepted for each field of a row. */
const COLUMNS: Readonly<Record<keyof ImportRow, readonly string[]>> = {
  projectName: ['project', 'projectName', 'project_name'],
  serviceName: ['service', 'serviceName', 'service_name'],
  portNumber: ['port', 'portNumber', 'port_number'],
  instance: ['instance'],
  hostname: ['host', 'hostname'],
  protocol: ['protocol'],
  serviceType: ['type', 'serviceType', 'service_type'],
  description: ['description'],
  cloudflareHostname: ['cloudflareHostname', 'cloudflare_hostname'],
}

const NAMES = Object.values(COLUMNS).map(([name]) => name)

/** Rows as they were read. Core validates them. */
export interface InputRows {
  /** The file, or standard input. */
  readonly source: string
  readonly rows: readonly ImportRow[]
  /** The place of each row: its line of CSV, or its number in a list, the first being `row 1`. */
  readonly places: readonly string[]
}

/**
 * The rows of a file, or of standard input.
 * @throws {PortsError} `INVALID_ARGUMENT` naming the file, if it cannot be read as rows
 */
export async function readRows(
  file: string | undefined,
  format: ImportFormat | undefined,
): Promise<InputRows> {
  const { source, content } = await readInput(file)
  const known = format ?? formatOf(file, content)
  return known === 'csv'
    ? rowsOfTable(await parsed(known, source, () => linesOf(content)), source)
    : rowsOfList(await parsed(known, source, () => documentOf(content, known)), source)
}

/** An error about a row, with the row's place in the input and the column's name. */
export function withPlace(error: unknown, { source, places }: InputRows): unknown {
  if (!(error instanceof PortsError)) return error
  const { code, message, details } = error
  const field = String(details.field)
  const [, index, name] = /^rows\[(\d+)\]\.?(\w*)$/.exec(field) ?? []
  const place = places[Number(index)]
  if (place === undefined) return error
  const column = COLUMNS[name as keyof ImportRow]?.[0]
  const where = [source, place, ...(column ? [column] : [])].join(', ')
  return new PortsError(
    code,
    message.replace(field, () => where),
    { ...details, place },
    { cause: error },
  )
}

function formatOf(file: string | undefined, content: string): ImportFormat {
  const extension = extname(file ?? '')
    .slice(1)
    .replace(/^yml$/, 'yaml')
  const known = IMPORT_FORMATS.find((format) => format === extension)
  if (known) return known
  if (/^\s*[[{]/.test(content)) return 'json'
  return /^\s*(#|-|[^,\n]*: )/.test(content) ? 'yaml' : 'csv'
}

async function parsed<Value>(
  format: ImportFormat,
  source: string,
  parse: () => Promise<Value>,
): Promise<Value> {
  try {
    return await parse()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw invalidArgument('format', format, `that of ${source} (${reason})`)
  }
}

async function documentOf(content: string, format: 'json' | 'yaml'): Promise<unknown> {
  if (format === 'json') return JSON.parse(content)
  return (await import('yaml')).default.parse(content, { logLevel: 'error' })
}

interface Line {
  readonly values: readonly string[]
  /** The first of the record's lines, counted from 1. */
  readonly number: number
}

interface RawRecord {
  readonly raw: string
  readonly record: readonly string[]
}

async function linesOf(content: string): Promise<Line[]> {
  const { parse } = await import('csv-parse/sync')
  const options = { skip_empty_lines: true, trim: true, raw: true } as const
  // The types of csv-parse do not have `raw`.
  const records: unknown[] = parse(content, options)
  let next = 1
  return (records as RawRecord[]).map(({ raw, record: values }) => {
    // The text of a record begins with the empty lines that were skipped before it.
    const number = next + lineEndsIn(/^\s*/.exec(raw)![0])
    next += lineEndsIn(raw)
    return { values, number }
  })
}

function lineEndsIn(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0
}

function rowsOfTable([header, ...lines]: readonly Line[], source: string): InputRows {
  const fields = header ? fieldsOf(header.values, `${source}, line ${header.number}`) : []
  if (lines.length === 0) throw invalidArgument(source, [], EXPECTED)
  const rows = lines.map(({ values }) => toRow(fields, values))
  return { source, rows, places: lines.map(({ number }) => `line ${number}`) }
}

function rowsOfList(list: unknown, source: string): InputRows {
  if (!Array.isArray(list) || list.length === 0) throw invalidArgument(source, list, EXPECTED)
  const places = list.map((_, index) => `row ${index + 1}`)
  const rows = list.map((record: unknown, index) => {
    const place = `${source}, ${places[index]}`
    if (typeof record !== 'object' || record === null || Array.isArray(record)) {
      throw invalidArgument(place, record, 'an object with project, service and port')
    }
    return toRow(fieldsOf(Object.keys(record), place), Object.values(record))
  })
  return { source, rows, places }
}

const EXPECTED = 'a list of rows, and not empty'

function toRow(fields: readonly string[], values: readonly unknown[]): ImportRow {
  const entries = fields.map((field, nth) => {
    const value = values[nth]
    // In CSV every value is text.
    const isNumber = field === 'portNumber' && typeof value === 'string' && /^\d+$/.test(value)
    return [field, isNumber ? Number(value) : value]
  })
  return Object.fromEntries(entries)
}

/** @returns the field of a row that each column is */
function fieldsOf(columns: readonly string[], place: string): string[] {
  const fields = columns.map((column) => {
    const known = Object.entries(COLUMNS).find(([, names]) => names.includes(column))
    if (known) return known[0]
    throw invalidArgument(`${place}, column`, column, `one of ${NAMES.join(', ')}`)
  })
  fields.forEach((field, nth) => {
    const first = fields.indexOf(field)
    if (first < nth) {
      const expected = `left out: column ${first + 1}, ${columns[first]}, says the same`
      throw invalidArgument(`${place}, column ${nth + 1}`, columns[nth], expected)
    }
  })
  return fields
}
