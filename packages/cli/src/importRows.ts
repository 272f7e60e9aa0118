import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { text } from 'node:stream/consumers'
import { type ImportRow, invalidArgument } from '@ports/core'

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

/**
 * The rows of a file, or of standard input. Core validates them.
 * @throws {PortsError} `INVALID_ARGUMENT` naming the file, if it cannot be read as rows
 */
export async function readRows(
  file: string | undefined,
  format: ImportFormat | undefined,
): Promise<ImportRow[]> {
  const content = file === undefined ? await text(process.stdin) : await contentOf(file)
  const source = file ?? 'standard input'
  const records = await parse(content, format ?? formatOf(file, content), source)
  if (!Array.isArray(records)) throw invalidArgument(source, records, 'a list of rows')
  return records.map((record, index) => toRow(record, `${source}, row ${index + 1}`))
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw invalidArgument('file', file, `a file that can be read (${messageOf(error)})`)
  }
}

function formatOf(file: string | undefined, content: string): ImportFormat {
  const extension = extname(file ?? '')
    .slice(1)
    .replace(/^yml$/, 'yaml')
  const known = IMPORT_FORMATS.find((format) => format === extension)
  return known ?? (/^\s*[[{]/.test(content) ? 'json' : 'csv')
}

async function parse(content: string, format: ImportFormat, source: string): Promise<unknown> {
  try {
    if (format === 'json') return JSON.parse(content)
    if (format === 'yaml') return (await import('yaml')).default.parse(content)
    const { parse: parseCsv } = await import('csv-parse/sync')
    return parseCsv(content, { bom: true, columns: true, skip_empty_lines: true, trim: true })
  } catch (error) {
    throw invalidArgument(source, content, `${format.toUpperCase()} (${messageOf(error)})`)
  }
}

function toRow(record: unknown, place: string): ImportRow {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    throw invalidArgument(place, record, 'an object with project, service and port')
  }
  const fields = Object.entries(record).map(([column, value]) => {
    const field = fieldOf(column)
    if (!field) throw invalidArgument(`${place}, column`, column, `one of ${NAMES.join(', ')}`)
    // In CSV every value is text.
    const isNumber = field === 'portNumber' && typeof value === 'string' && /^\d+$/.test(value)
    return [field, isNumber ? Number(value) : value]
  })
  return Object.fromEntries(fields)
}

const NAMES = Object.values(COLUMNS).map(([name]) => name)

function fieldOf(column: string): string | undefined {
  return Object.entries(COLUMNS).find(([, names]) => names.includes(column))?.[0]
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
