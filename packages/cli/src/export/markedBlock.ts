import { invalidArgument } from '@ports/core'
import type { Rendered } from './Target.js'

/**
 * In a comment of whatever syntax, alone on its line, the first of which may have a byte order mark.
 * The name is that of a project.
 */
const MARKER =
  /^\uFEFF?(?<indent>[ \t]*)\S{1,4} ?ports: (?<which>begin|end)(?: (?<project>[A-Za-z0-9][\w.-]*))?(?: ?\S{1,4})?[ \t]*$/

interface Block {
  readonly project: string | undefined
  readonly indent: string
  /** Indexes of the lines of the markers. */
  readonly begin: number
  readonly end: number
}

/**
 * The text with the lines between two markers replaced: those with the name of the project, else
 * those without a name. The rest stays as it is. Undefined if there is no such block.
 * @throws {PortsError} `INVALID_ARGUMENT` if the markers do not match
 */
export function withMarkedBlock(
  file: string,
  text: string,
  rendered: Rendered,
  projectName: string | undefined,
): string | undefined {
  // Each with its own end.
  const lines = text.split(/(?<=\n)/)
  const blocks = blocksIn(lines, file)
  const block =
    blocks.find(({ project }) => project !== undefined && project === projectName) ??
    blocks.find(({ project }) => project === undefined)
  if (!block) return undefined
  const { begin, end, indent } = block
  const { whole, yaml } = rendered
  const isNested = indent !== '' || (yaml?.isList && isInList(lines.slice(0, begin), yaml.under))
  const content = isNested && yaml ? yaml.inside : whole
  const newline = lines[begin]!.endsWith('\r\n') ? '\r\n' : '\n'
  const inside = linesOf(content).map((line) => (line === '' ? '' : indent + line))
  if (inside.some((line) => MARKER.test(line))) {
    throw invalidArgument('output', file, 'a file for text without the markers of a block')
  }
  return [
    ...lines.slice(0, begin + 1),
    ...inside.map((line) => line + newline),
    ...lines.slice(end),
  ].join('')
}

/** Without their ends. The last one may have none. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/)
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}

/** Whether the lines before end in a list under that key which is not indented. */
function isInList(before: readonly string[], under: string): boolean {
  const filled = before.filter((line) => /^\s*[^\s#]/.test(line))
  const [last, topmost] = [filled.at(-1), filled.findLast((line) => /^\S/.test(line))]
  return topmost?.startsWith('-') || last?.trimEnd() === `${under}:`
}

function blocksIn(lines: readonly string[], file: string): Block[] {
  const blocks: Block[] = []
  let open: Omit<Block, 'end'> | undefined
  for (const [index, line] of lines.entries()) {
    const { which, project, indent = '' } = MARKER.exec(line.replace(/\r?\n$/, ''))?.groups ?? {}
    if (which === undefined) continue
    const isInOrder =
      which === 'begin'
        ? open === undefined && !blocks.some((block) => block.project === project)
        : open !== undefined && (project ?? open.project) === open.project
    if (!isInOrder) throw unmatched(file, index)
    if (which === 'begin') {
      open = { project, indent, begin: index }
    } else {
      blocks.push({ ...open!, end: index })
      open = undefined
    }
  }
  if (open) throw unmatched(file, open.begin)
  return blocks
}

function unmatched(file: string, index: number) {
  const expected =
    'a file in which each line "ports: begin" is followed by one "ports: end", and no two blocks ' +
    `have the same name; line ${index + 1} is out of place`
  return invalidArgument('output', file, expected)
}
