import {
  counted,
  type GoneCheckout,
  goneCheckouts,
  isAbsent,
  type LeftPort,
  nameOfInstance,
  nameOfService,
  type PortAllocation,
  type PortManager,
  PortsError,
} from '@ports/core'
import type { Context } from './Context.js'
import { inJson } from './inJson.js'
import { nameOfProcess } from './nameOfProcess.js'
import { releaseLine } from './releaseLine.js'

/**
 * Releases the ports of checkouts whose directories are gone, except those on which something
 * listens. Of the primary instance, whose ports are also asked for by name from elsewhere, releases
 * only those that were allocated from the directory. Forgets the checkouts of which no such port is
 * held afterwards.
 * @param yes do not ask
 */
export async function pruneCheckouts(
  context: Context,
  projectName: string | undefined,
  yes: boolean,
): Promise<void> {
  const { openManager, output, signal, answerNo } = context
  const ports = await openManager()
  const query = isAbsent(projectName) ? {} : { projectName }
  const gone = await goneCheckouts(ports, { ...query, signal })
  if (gone.length === 0) return output.outcome([], 'No recorded directory is gone.')
  if (!output.json) output.notice(gone.flatMap(linesOf).join('\n'))
  const free = gone.flatMap(({ ports }) => ports.filter(isFree))
  if (!yes && !(await isAgreed(context, free.length))) {
    output.outcome([], 'Nothing was released.')
    return answerNo()
  }
  // The directory, or a server, may be back since the question was asked.
  const now = await goneCheckouts(ports, { ...query, signal })
  const pruned = []
  for (const each of now.filter((still) => gone.some((shown) => isSame(shown, still)))) {
    pruned.push(await prune(ports, each, signal))
  }
  const released = pruned.flatMap((each) => each.released)
  const kept = pruned.flatMap((each) => each.kept)
  const rest = kept.length > 0 ? `, kept ${kept.length} on which something may listen` : ''
  output.outcome(inJson(pruned), `Released ${counted(released.length, 'port')}${rest}.`)
  for (const line of releaseLines(
    pruned.flatMap((each) => each.others),
    ports,
  )) {
    output.notice(`To release what is not known to be of a directory: ${line}`)
  }
  if (kept.length > 0) answerNo()
}

/** @throws {PortsError} `INVALID_ARGUMENT` if nobody can be asked */
async function isAgreed({ confirm }: Context, count: number): Promise<boolean> {
  if (!confirm) {
    throw new PortsError(
      'INVALID_ARGUMENT',
      'There is no terminal to ask on. To prune without being asked: --yes',
    )
  }
  return confirm(`Release ${counted(count, 'port')}? [y/N] `)
}

async function prune(
  ports: PortManager,
  { checkout, ports: left, others }: GoneCheckout,
  signal: AbortSignal,
) {
  const released = []
  for (const port of left.filter(isFree)) {
    const { projectName, serviceName, hostname, protocol, portNumber, instance } = port
    const only = { instance: nameOfInstance(instance), protocol, portNumber, signal }
    released.push(...(await ports.releasePorts(projectName, serviceName, hostname, only)))
  }
  const kept = left.filter((port) => !isFree(port))
  const forgotten = kept.length === 0 && (await ports.forgetCheckout(checkout, { signal }))
  return { ...checkout, released, kept, others, forgotten }
}

/** One line for each service. */
function releaseLines(held: readonly PortAllocation[], ports: PortManager): string[] {
  return [...new Set(held.map((port) => releaseLine(port, [], ports)))]
}

function isSame({ checkout: one }: GoneCheckout, { checkout: other }: GoneCheckout): boolean {
  return one.projectName === other.projectName && one.directory === other.directory
}

function isFree({ verdict }: LeftPort): boolean {
  return verdict === 'not-listening'
}

function linesOf({ checkout, ports, others }: GoneCheckout): string[] {
  const { directory, projectName, instance } = checkout
  const copy = `${projectName}${instance && `@${instance}`}`
  return [
    `${copy}: ${directory} is gone.`,
    ...ports.map((port) => `  ${lineOf(port)}`),
    ...others.map((port) => `  ${nameOf(port)}: not known to be of this directory. It is kept.`),
  ]
}

function nameOf(port: PortAllocation): string {
  return `${port.portNumber}/${port.protocol} of ${nameOfService(port)}`
}

function lineOf(port: LeftPort): string {
  const { verdict, processes } = port
  const name = nameOf(port)
  if (verdict === 'not-listening') return `${name}: nothing listens.`
  if (verdict === 'unknown')
    return `${name}: it cannot be told whether something listens. It is kept.`
  const who = processes.map(nameOfProcess).join(', ') || 'an unknown process'
  return `${name}: ${who} listens. It is kept.`
}
