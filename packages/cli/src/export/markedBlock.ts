import { PortsError, printable, probablyMeant } from '@ports/core'
import type { Rendered } from './Target.js'

/**
 * A marker is a comment in any syntax, alone on its line. The name in it is that of a project. The
 * first line of a file may begin with a byte order mark.
 */
const MARKER =
  /^\uFEFF?(?<indent>[ \t]*)\S{1,4} ?ports: (?<which>begin|end)(?: (?<project>[A-Za-z0-9][\w.-]*))?(?: ?[^\w\s]{1,4})?[ \t]*$/

/** A comment that may be a mistyped marker. */
const LOOKALIKE =
  /^\uFEFF?[ \t]*[^\w\s]{1,4}[ \t]*ports?[ \t]*:[ \t]*(?<word>[a-z]+)(?:[ \t]+[\w.-]+){0,2}[ \t]*[^\w\s]{0,4}[ \t]*$/i

interface Block {
  readonly project: string | undefined
  readonly indent: string
  /** Indexes of the lines with the markers. */
  readonly begin: number
  readonly end: number
}

/**
 * Replaces the lines between two markers: those with the name of the project, or else those without
 * a name. All other lines stay unchanged. Undefined if the text has no block.
 * @throws {PortsError} `INVALID_ARGUMENT` if the markers do not match, if all blocks are those of
 * other projects, or if the new lines contain a marker
 */
export function withMarkedBlock(
  file: string,
  text: string,
  rendered: Rendered,
  projectName: string | undefined,
): string | undefined {
  // Each line keeps its line ending.
  const lines = text.split(/(?<=\n)/)
  const blocks = blocksIn(lines, file)
  if (blocks.length === 0) return undefined
  const block =
    blocks.find(({ project }) => project !== undefined && project === projectName) ??
    blocks.find(({ project }) => project === undefined)
  if (!block) throw ofOthers(file, blocks, projectName)
  const { begin, end, indent } = block
  const { whole, yaml } = rendered
  const isNested = indent !== '' || (yaml?.isList && isInList(lines.slice(0, begin), yaml.under))
  const content = isNested && yaml ? yaml.inside : whole
  refuseMarkers(file, content)
  const newline = lines[begin]!.endsWith('\r\n') ? '\r\n' : '\n'
  const inside = linesOf(content).map((line) => (line === '' ? '' : indent + line))
  return [
    ...lines.slice(0, begin + 1),
    ...inside.map((line) => line + newline),
    ...lines.slice(end),
  ].join('')
}

/**
 * Refuses text with a marker, because the next export would read it as a block.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export function refuseMarkers(file: string, content: string): void {
  const line = linesOf(content).find((each) => MARKER.test(each))
  if (line === undefined) return
  throw refusal(
    file,
    `The text for ${printable(file)} contains the marker of a block, ${quoted(line)}. The next ` +
      'export would read it as a block. Remove it from the template.',
  )
}

/** The lines without their line endings. The last line may lack one. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/)
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}

/** Whether the lines end inside a list under that key whose items are not indented. */
function isInList(before: readonly string[], under: string): boolean {
  const filled = before.filter((line) => /^\s*[^\s#]/.test(line))
  const [last, topmost] = [filled.at(-1), filled.findLast((line) => /^\S/.test(line))]
  return topmost?.startsWith('-') || last?.trimEnd() === `${under}:`
}

function blocksIn(lines: readonly string[], file: string): Block[] {
  const blocks: Block[] = []
  let open: Omit<Block, 'end'> | undefined
  for (const [index, each] of lines.entries()) {
    const line = each.replace(/\r?\n$/, '')
    const { which, project, indent = '' } = MARKER.exec(line)?.groups ?? {}
    const fault = (what: string) => atLine(file, index, `${quoted(line)} ${what}`)
    if (which === undefined) {
      const meant = markerMeantBy(line)
      if (meant !== undefined) throw fault(`looks like "${meant}". Correct it.`)
    } else if (which === 'begin') {
      if (open) {
        throw fault(
          `is inside the block that begins in line ${open.begin + 1}. End that one first.`,
        )
      }
      const same = blocks.find((block) => block.project === project)
      if (same)
        throw fault(
          `begins a second block of that name. The first begins in line ${same.begin + 1}.`,
        )
      open = { project, indent, begin: index }
    } else {
      if (!open) throw fault('has no "ports: begin" before it.')
      if ((project ?? open.project) !== open.project) {
        const begin = quoted(lines[open.begin]!)
        throw fault(`does not match ${begin} in line ${open.begin + 1}.`)
      }
      blocks.push({ ...open, end: index })
      open = undefined
    }
  }
  if (!open) return blocks
  const begin = quoted(lines[open.begin]!)
  throw atLine(file, open.begin, `${begin} has no "ports: end" after it.`)
}

/** The marker that a line which is none was probably meant to be. */
function markerMeantBy(line: string): string | undefined {
  const { word } = LOOKALIKE.exec(line)?.groups ?? {}
  if (word === undefined) return undefined
  const which = probablyMeant(word, ['begin', 'end'])
  return which && `ports: ${which}`
}

function ofOthers(file: string, blocks: readonly Block[], projectName: string | undefined) {
  const and = new Intl.ListFormat('en', { type: 'conjunction' })
  const named = and.format(blocks.map(({ project, begin }) => `${project} (line ${begin + 1})`))
  const exported = projectName === undefined ? 'all projects are' : `${projectName} is`
  const name = projectName === undefined ? '' : ` ${projectName}`
  return refusal(
    file,
    `${printable(file)} has blocks only for ${named}, but ${exported} exported. Add the comments ` +
      `"ports: begin${name}" and "ports: end${name}" where the ports belong, or name another file.`,
  )
}

function atLine(file: string, index: number, fault: string): PortsError {
  return refusal(file, `${printable(file)}, line ${index + 1}: ${fault}`)
}

function refusal(file: string, message: string): PortsError {
  return new PortsError('INVALID_ARGUMENT', message, { field: 'output', value: file })
}

function quoted(line: string): string {
  return `"${printable(line.replace(/^\uFEFF/, '').trim())}"`
}
