import {
  counted,
  invalidArgument,
  isAbsent,
  type PortAllocation,
  type PortManager,
} from '@ports/core'
import type { Context } from '../Context.js'
import { inCheckout } from '../inCheckout.js'
import { grouped } from './grouped.js'
import { inOrder } from './inOrder.js'
import {
  contentFor,
  type OutputFile,
  ownFile,
  readOutputFile,
  writeOutputFile,
} from './outputFile.js'
import { WITHOUT_NAME } from './publicServices.js'
import type { Omission, Target } from './Target.js'

export interface ExportOptions {
  readonly output?: string | undefined
  readonly check?: true | undefined
  readonly force?: true | undefined
  readonly hostname?: string | undefined
  readonly instance?: string | undefined
  /** A file of the project that the exported one adds to. */
  readonly file?: string | undefined
}

/** Prints the ports in the format of the target, or writes them to a file, or compares them with it. */
export async function exportPorts(
  context: Context,
  target: Target,
  projectName: string | undefined,
  options: ExportOptions,
): Promise<void> {
  const { openManager, output, answerNo } = context
  if (options.check && options.output === undefined) {
    throw invalidArgument('check', true, 'left out without --output <file>')
  }
  const { refusedExtension: refused } = target
  if (refused !== undefined && options.output?.endsWith(refused)) {
    throw invalidArgument(
      'output',
      options.output,
      `a file whose name does not end with ${refused}`,
    )
  }
  const ports = await openManager()
  const allocations = await selected(context, ports, target, projectName, options)
  const { file } = options
  const rendered = await target.render({ context, ports, allocations, file })
  const { services, omissions } = rendered
  if (!output.json) for (const line of linesOf(omissions)) output.notice(line)
  if (options.output === undefined) {
    const content = ownFile(rendered)
    return output.result({ content, services, omissions }, () => content.replace(/\n$/, ''))
  }
  const outputFile = await readOutputFile(options.output)
  const content = await contentFor(outputFile, rendered, { projectName, force: options.force })
  const changes = content !== outputFile.content
  const result = { file: outputFile.path, changes, services, omissions }
  const isUpToDate = `${options.output} is up to date, with ${counted(services, 'service')}.`
  if (!changes) return output.outcome(result, isUpToDate)
  if (options.check) {
    const difference = await differenceOf(outputFile, content)
    output.result({ ...result, difference }, () => difference.trimEnd())
    return answerNo()
  }
  await writeOutputFile(outputFile, content)
  output.outcome(result, `Wrote ${counted(services, 'service')} to ${options.output}.`)
}

/** As `diff -u` prints it. */
async function differenceOf({ name, content }: OutputFile, wanted: string): Promise<string> {
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import('diff')
  const before = content === undefined ? '/dev/null' : name
  const options = { context: 3, headerOptions: FILE_HEADERS_ONLY }
  return createTwoFilesPatch(before, name, content ?? '', wanted, undefined, undefined, options)
}

/** By project, service, instance, host and number, so that equal registries give equal files. */
async function selected(
  context: Context,
  ports: PortManager,
  target: Target,
  projectName: string | undefined,
  options: ExportOptions,
): Promise<PortAllocation[]> {
  const { signal } = context
  const { hostname, instance } = await placeOf(context, ports, target, projectName, options)
  const allocations =
    projectName === undefined
      ? await ports.listAll({ hostname, signal })
      : await ports.listByProject(projectName, { hostname, signal })
  return allocations
    .filter((allocation) => instance === undefined || allocation.instance === instance)
    .sort(
      (one, other) =>
        inOrder(one.projectName, other.projectName) ||
        inOrder(one.serviceName, other.serviceName) ||
        inOrder(one.instance, other.instance) ||
        inOrder(one.hostname, other.hostname) ||
        inOrder(one.portNumber, other.portNumber) ||
        inOrder(one.protocol, other.protocol),
    )
}

/** The host and the instance of what is exported. Undefined means all. */
async function placeOf(
  context: Context,
  ports: PortManager,
  { isOfOneProject }: Target,
  projectName: string | undefined,
  { hostname, instance }: ExportOptions,
): Promise<{ readonly hostname?: string | undefined; readonly instance?: string | undefined }> {
  if (isOfOneProject && projectName !== undefined) {
    const choice = instance === undefined ? {} : { instance }
    const chosen = await inCheckout(context, projectName, choice, { create: false })
    return {
      hostname: ports.scope(hostname === undefined ? {} : { hostname }).hostname,
      instance: ports.instance(projectName, chosen),
    }
  }
  return {
    hostname,
    instance: isAbsent(instance) ? undefined : ports.instance(projectName ?? '', { instance }),
  }
}

/** How many services a line names. */
const MAX_NAMED = 5

function linesOf(omissions: readonly Omission[]): string[] {
  return [...grouped(omissions, ({ reason }) => reason)].map(([reason, all]) => {
    const names = all.slice(0, MAX_NAMED).map(({ service }) => service)
    const rest = all.length > MAX_NAMED ? ', …' : ''
    const are = all.length === 1 ? 'is' : 'are'
    const hint = reason === WITHOUT_NAME ? ` ${HOW_TO_NAME}` : ''
    return `${counted(all.length, 'service')} ${reason} ${are} left out: ${names.join(', ')}${rest}.${hint}`
  })
}

const HOW_TO_NAME =
  'To give one a name: ports update <project> <service> --cloudflare-hostname <host>'
