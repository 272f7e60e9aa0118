import { counted, given, invalidArgument } from '@ports/core'
import type { Context } from '../Context.js'
import { type OutputFile, readOutputFile, writeOutputFile } from '../outputFile.js'
import { contentFor, ownFile } from './contentFor.js'
import { grouped } from './grouped.js'
import { WITHOUT_NAME } from './publicServices.js'
import { type Selection, selectPorts } from './selectPorts.js'
import type { Omission, Rendered, Target } from './Target.js'

/** An option that is undefined or `''` counts as absent. */
export interface ExportOptions {
  readonly projectName?: string | undefined
  readonly hostname?: string | undefined
  readonly instance?: string | undefined
  /** The project's own file, which the exported file overrides. */
  readonly file?: string | undefined
  readonly output?: string | undefined
  readonly check?: true | undefined
  readonly force?: true | undefined
}

/**
 * Prints the ports in the format of the target, writes them to a file, or compares them with it.
 * @throws {PortsError} `INVALID_ARGUMENT` if options contradict each other, or the file must not be
 * replaced
 */
export async function exportPorts(
  context: Context,
  target: Target,
  options: ExportOptions,
): Promise<void> {
  const accepted = given(options) as Accepted
  const { output: name, file } = accepted
  refuseMisused(target, accepted)
  const ports = await context.openManager()
  const allocations = await selectPorts(context, ports, target, accepted)
  const rendered = await target.render({ context, ports, allocations, file })
  const { output } = context
  if (!output.json) for (const line of linesOf(rendered.omissions)) output.notice(line)
  for (const notice of rendered.notices ?? []) output.notice(notice)
  if (name !== undefined) {
    return toFile(context, name, rendered, { ...accepted, target: target.name })
  }
  const { services, omissions } = rendered
  const content = ownFile(rendered, target.name)
  output.result({ content, services, omissions }, () => withoutLastNewline(content))
}

interface Accepted extends Selection {
  readonly file?: string
  readonly output?: string
  readonly check?: true
  readonly force?: true
}

/** @throws {PortsError} `INVALID_ARGUMENT` */
function refuseMisused({ refusedExtension }: Target, { output, check }: Accepted): void {
  if (check && output === undefined) {
    throw invalidArgument('check', true, 'combined with --output <file>')
  }
  if (refusedExtension !== undefined && output?.endsWith(refusedExtension)) {
    const expected = `a file whose name does not end with ${refusedExtension}`
    throw invalidArgument('output', output, expected)
  }
}

async function toFile(
  { output, answerNo }: Context,
  name: string,
  rendered: Rendered,
  { target, projectName, check, force }: Accepted & { readonly target: string },
): Promise<void> {
  const file = await readOutputFile('output', name)
  const content = await contentFor(file, rendered, { target, projectName, force })
  const changes = content !== file.content
  const { services, omissions } = rendered
  const result = { file: file.path, changes, services, omissions }
  const count = counted(services, 'service')
  if (!changes) return output.outcome(result, `${name} is up to date, with ${count}.`)
  if (!check) {
    await writeOutputFile(file, content)
    return output.outcome(result, `Wrote ${count} to ${name}.`)
  }
  const difference = await differenceOf(file, content)
  output.result({ ...result, difference }, () => withoutLastNewline(difference))
  answerNo()
}

/** A unified diff, as `diff -u` prints it. */
async function differenceOf({ name, content }: OutputFile, wanted: string): Promise<string> {
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import('diff')
  const before = content === undefined ? '/dev/null' : name
  const options = { context: 3, headerOptions: FILE_HEADERS_ONLY }
  return createTwoFilesPatch(before, name, content ?? '', wanted, undefined, undefined, options)
}

/** `output.result` adds the last newline itself. */
function withoutLastNewline(text: string): string {
  return text.replace(/\n$/, '')
}

/** The most services that a line names. */
const MAX_NAMED = 5

const HOW_TO_NAME =
  'To give one a name: ports update <project> <service> --cloudflare-hostname <host>'

function linesOf(omissions: readonly Omission[]): string[] {
  return [...grouped(omissions, ({ reason }) => reason)].map(([reason, all]) => {
    const named = all.slice(0, MAX_NAMED).map(({ service }) => service)
    const names = [...named, ...(all.length > MAX_NAMED ? ['…'] : [])].join(', ')
    const are = all.length === 1 ? 'is' : 'are'
    const line = `${counted(all.length, 'service')} ${reason} ${are} left out: ${names}`
    return reason === WITHOUT_NAME ? `${line}. ${HOW_TO_NAME}` : `${line}.`
  })
}
