import { invalidArgument, PortsError, printable } from '@ports/core'
import type { OutputFile } from '../outputFile.js'
import { refuseMarkers, withMarkedBlock } from './markedBlock.js'
import type { Rendered } from './Target.js'

/** The mark in the first line of a file that may be replaced. */
const WRITTEN_HERE = 'Written by ports export.'

/** The target of a file, in its first line. Files of earlier versions do not name it. */
const FOR_TARGET = /The next export for (?<target>\w+) replaces this file\./

/** The content of a file that contains only the export. */
export function ownFile({ whole, isBare }: Rendered, target: string): string {
  if (isBare) return whole
  const header = `# ${WRITTEN_HERE} The next export for ${target} replaces this file.\n`
  return whole === '' ? header : `${header}\n${whole}`
}

interface Choice {
  /** The name of the target. */
  readonly target: string
  readonly projectName: string | undefined
  readonly force?: boolean | undefined
}

/**
 * The new content of the file, with the lines in its marked block, or else with only these lines.
 * @throws {PortsError} `INVALID_ARGUMENT` if the file has no marked block and was not written by
 * `ports export` for this target, unless `force` is set; if its markers do not match or all its
 * blocks are those of other projects; if the lines contain a marker; or if they make it invalid
 * YAML
 */
export async function contentFor(
  { name, content = '' }: OutputFile,
  rendered: Rendered,
  { target, projectName, force }: Choice,
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
  const written = FOR_TARGET.exec(firstLine)?.groups?.target
  if (written !== undefined && written !== target && !force) {
    throw new PortsError(
      'INVALID_ARGUMENT',
      `${printable(name)} was written for ${written}, and not for ${target}. Name another file, or ` +
        'replace it with --force.',
      { field: 'output', value: name },
    )
  }
  const own = ownFile(rendered, target)
  refuseMarkers(name, own)
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
  // A file with template syntax may not have been valid YAML before.
  if (fault === undefined || faultInYaml(before) !== undefined) return
  const where = `Indent the block like the entries under "${under}:" (${fault})`
  throw invalidArgument('output', name, `valid YAML with the marked block in it. ${where}`)
}
