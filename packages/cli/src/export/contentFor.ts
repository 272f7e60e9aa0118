import { invalidArgument } from '@ports/core'
import type { OutputFile } from '../outputFile.js'
import { refuseMarkers, withMarkedBlock } from './markedBlock.js'
import type { Rendered } from './Target.js'

/** In the first line of what may be replaced. */
const WRITTEN_HERE = 'Written by ports export.'

const HEADER = `# ${WRITTEN_HERE} The next one replaces this file.\n`

/** The content of a file that has nothing else. */
export function ownFile({ whole, isBare }: Rendered): string {
  if (isBare) return whole
  return whole === '' ? HEADER : `${HEADER}\n${whole}`
}

interface Choice {
  readonly projectName: string | undefined
  readonly force?: boolean | undefined
}

/**
 * The content that the file is to have: the lines in its marked block, or in a file of its own.
 * @throws {PortsError} `INVALID_ARGUMENT` if it has no marked block and was not written here, has
 * marked blocks of other projects only, or would be no YAML any more
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
  // A file with the templates of its program is no YAML in the first place.
  if (fault === undefined || faultInYaml(before) !== undefined) return
  const where = `Indent the block as what is under "${under}:" (${fault})`
  throw invalidArgument('output', name, `YAML with the marked block in it. ${where}`)
}
