import { extname } from 'node:path'
import { type ImportRow, invalidArgument } from '@ports/core'
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

/**
 * The rows of a file, or of standard input. Core validates them.
 * @throws {PortsError} `INVALID_ARGUMENT` naming the file, if it cannot be read as rows
 */
export async function readRows(
  file: string | undefined,
  format: ImportFormat | undefined,
): Promise<ImportRow[]> {
  const { source, content } = await readInput(file)
  const records = await parse(content, format ?? formatOf(file, content), source)
  if (!Array.isArray(records) || records.length === 0) {
    throw invalidArgument(source, records, 'a list of rows, and not empty')
  }
  return records.map((record, index) => toRow(record, `${source}, row ${index + 1}`))
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

async function parse(content: string, format: ImportFormat, source: string): Promise<unknown> {
  const lines = await parsed(content, format, source)
  if (format !== 'csv') return lines
  const [header = [], ...rows] = lines as string[][]
  for (const column of header) knownField(column, source)
  return rows.map((row) => Object.fromEntries(header.map((column, nth) => [column, row[nth]])))
}

/** @returns the values that the content says; of CSV a list for each line */
async function parsed(content: string, format: ImportFormat, source: string): Promise<unknown> {
  try {
    if (format === 'json') return JSON.parse(content)
    if (format === 'yaml')
      return (await import('yaml')).default.parse(content, { logLevel: 'error' })
    const { parse: parseCsv } = await import('csv-parse/sync')
    return parseCsv(content, { skip_empty_lines: true, trim: true })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw invalidArgument('format', format, `that of ${source} (${reason})`)
  }
}

function toRow(record: unknown, place: string): ImportRow {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    throw invalidArgument(place, record, 'an object with project, service and port')
  }
  const fields = Object.entries(record).map(([column, value]) => {
    const field = knownField(column, place)
    // In CSV every value is text.
    const isNumber = field === 'portNumber' && typeof value === 'string' && /^\d+$/.test(value)
    return [field, isNumber ? Number(value) : value]
  })
  return Object.fromEntries(fields)
}

const NAMES = Object.values(COLUMNS).map(([name]) => name)

/** @returns the field of a row that the column is */
function knownField(column: string, place: string): string {
  const known = Object.entries(COLUMNS).find(([, names]) => names.includes(column))
  if (known) return known[0]
  throw invalidArgument(`${place}, column`, column, `one of ${NAMES.join(', ')}`)
}
