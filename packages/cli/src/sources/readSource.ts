import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { findProject, invalidArgument, statOf } from '@ports/core'
import type { Context } from '../Context.js'
import type { InputRows } from '../importRows.js'
import { readInput } from '../readInput.js'
import { directoryHere } from '../run/here.js'
import type { Findings, FoundRow, Note, Reader, SourceFile } from './Findings.js'
import { FILE_KINDS } from './sourceOptions.js'

/** A reader is loaded only if its source is read. */
const READERS: Readonly<Record<FileKind, () => Promise<Reader>>> = {
  compose: async () => (await import('./compose.js')).readCompose,
  env: async () => (await import('./env.js')).readEnv,
  procfile: async () => (await import('./procfile.js')).readProcfile,
  caddy: async () => (await import('./caddyfile.js')).readCaddyfile,
  cloudflared: async () => (await import('./cloudflared.js')).readCloudflared,
}

type FileKind = (typeof FILE_KINDS)[number]

/** The source to read, and the project of its rows. */
export interface SourceOptions extends Readonly<Partial<Record<FileKind, string | undefined>>> {
  readonly scan?: true | undefined
  readonly project?: string | undefined
}

/** The rows that a source proposes, and the notes on them. */
export interface SourceRows extends InputRows {
  readonly notes: readonly Note[]
}

/**
 * The rows that a source proposes.
 * @throws {PortsError} `INVALID_ARGUMENT` if it cannot be read, or no project is known
 */
export async function readSource(context: Context, options: SourceOptions): Promise<SourceRows> {
  if (options.scan) {
    const { scan } = await import('./scan.js')
    return rowsOf('this host', await scan(context), (row) => row.projectName!)
  }
  const kind = FILE_KINDS.find((each) => options[each] !== undefined)!
  const path = options[kind]!
  const file = await readSourceFile(path, context)
  const read = await READERS[kind]()
  const found = read(file)
  return rowsOf(file.source, found, () => options.project ?? projectOf(file.directory, found))
}

/** @throws {PortsError} `INVALID_ARGUMENT` if it cannot be read */
export async function readSourceFile(
  path: string,
  { environment }: Pick<Context, 'environment'>,
): Promise<SourceFile> {
  const { source, content } = await readInput(path)
  return { content, source, directory: directoryOf(path), environment }
}

/** Standard input and the pipes of a shell have no directory of their own. */
function directoryOf(path: string): string {
  if (path === '-' || !statOf(path).isFile()) return directoryHere()
  // A link stands for the file, which belongs to the project there.
  return dirname(realpathSync(path))
}

function rowsOf(
  source: string,
  { rows, places, notes }: Findings,
  projectOfRow: (row: FoundRow) => string,
): SourceRows {
  const complete = rows.map((row) => ({ ...row, projectName: projectOfRow(row) }))
  return { source, rows: complete, places, notes }
}

function projectOf(directory: string, { projectName }: Findings): string {
  const known = findProject(directory)?.projectName ?? projectName
  if (known !== undefined) return known
  throw invalidArgument('project', undefined, `given, because nothing in ${directory} names one`)
}
