import { readFile, readlink, realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { invalidArgument } from '@ports/core'
import { withMarkedBlock } from './markedBlock.js'
import type { Rendered } from './Target.js'

/** In the first line of what may be replaced. */
const WRITTEN_HERE = 'Written by ports export.'

const HEADER = `# ${WRITTEN_HERE} The next one replaces this file.\n`

/** The content of a file that has nothing else. */
export function ownFile({ whole, isBare }: Rendered): string {
  if (isBare) return whole
  return whole === '' ? HEADER : `${HEADER}\n${whole}`
}

/** A file to export to. */
export interface OutputFile {
  readonly name: string
  /** Where it is, or would be: symbolic links are followed. */
  readonly path: string
  /** Undefined if there is no such file. */
  readonly content: string | undefined
}

/** @throws {PortsError} `INVALID_ARGUMENT` if it cannot be read, or is not text */
export async function readOutputFile(name: string): Promise<OutputFile> {
  const path = await followed(name)
  try {
    const stats = await stat(path)
    if (!stats.isFile()) throw unusable(name, 'it is no regular file')
    // What is not UTF-8 could not be written back as it was.
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    return { name, path, content: decoder.decode(await readFile(path)) }
  } catch (error) {
    if (isMissing(error)) return { name, path, content: undefined }
    throw translated(name, error)
  }
}

/** A link may lead to a file that is yet to be made. */
async function followed(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (!isMissing(error)) return path
    const link = await readlink(path).catch(() => undefined)
    return link === undefined ? path : followed(resolve(dirname(path), link))
  }
}

interface Choice {
  readonly projectName: string | undefined
  readonly force?: boolean | undefined
}

/**
 * The content that the file is to have: the lines in its marked block, or in a file of its own.
 * @throws {PortsError} `INVALID_ARGUMENT` if it has no marked block and was not written here, or
 * would be no YAML any more
 */
export async function contentFor(
  { name, content = '' }: OutputFile,
  rendered: Rendered,
  { projectName, force }: Choice,
): Promise<string> {
  const marked = withMarkedBlock(name, content, rendered, projectName)
  if (marked !== undefined) {
    if (rendered.yaml) await refuseBroken(name, content, marked, rendered.yaml.under)
    return marked
  }
  const firstLine = content.split('\n', 1)[0]!
  if (content.trim() !== '' && !firstLine.includes(WRITTEN_HERE) && !force) {
    throw invalidArgument(
      'output',
      name,
      'a new file, one that ports export wrote, or one with a line "# ports: begin" and a line ' +
        '"# ports: end"',
    )
  }
  const own = ownFile(rendered)
  return firstLine.endsWith('\r') ? own.replaceAll('\n', '\r\n') : own
}

async function refuseBroken(
  name: string,
  before: string,
  after: string,
  under: string,
): Promise<void> {
  const { faultInYaml } = await import('./yamlTexts.js')
  const fault = faultInYaml(after)
  // A file with the templates of its program is no YAML in the first place.
  if (fault === undefined || faultInYaml(before) !== undefined) return
  const where = `Indent the block as what is under "${under}:" (${fault})`
  throw invalidArgument('output', name, `YAML with the marked block in it. ${where}`)
}

/**
 * Writes it in one step, with the mode and the owner that it has.
 * @throws {PortsError} `INVALID_ARGUMENT` if it cannot be written
 */
export async function writeOutputFile({ name, path }: OutputFile, content: string): Promise<void> {
  const { writeFile } = await import('atomically')
  try {
    // Would make the directory, too, if the name is mistyped.
    await stat(dirname(path))
    await writeFile(path, content, { timeout: WRITE_TIMEOUT_MS })
  } catch (error) {
    throw translated(name, error)
  }
}

/** How long it tries again if the system refuses, which may be busy. */
const WRITE_TIMEOUT_MS = 500

/** Other errors than those of the system and of the decoder are bugs. */
function translated(name: string, error: unknown): unknown {
  const isForeseen =
    error instanceof Error &&
    ('syscall' in error || codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA')
  return isForeseen ? unusable(name, error.message) : error
}

function unusable(name: string, reason: string) {
  return invalidArgument('output', name, `a text file that can be read and written (${reason})`)
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT'
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
