import {
  nameOfService,
  type PortAllocation,
  type PortManager,
  PortsError,
  type Protocol,
} from '@ports/core'
import type { Context } from './Context.js'
import { heldByOthers } from './heldByOthers.js'
import { inJson } from './inJson.js'
import { numbersOf } from './numbersOf.js'

interface Choice {
  readonly instance?: string
  readonly hostname?: string
  readonly protocol?: Protocol
  /** Do not ask. */
  readonly yes?: true
}

/**
 * Releases what the services of a project hold on a host, in one instance. A port that one of them
 * gets after the list was read stays held.
 */
export async function releaseAllServices(
  context: Context,
  projectName: string,
  choice: Choice,
): Promise<void> {
  const { openManager, output, signal, answerNo } = context
  const ports = await openManager()
  const { hostname } = ports.scope(choice)
  const instance = ports.instance(projectName, choice)
  const onHost = await ports.listByProject(projectName, { hostname, signal })
  const held = onHost.filter(
    (it) => it.instance === instance && (choice.protocol ?? it.protocol) === it.protocol,
  )
  const agrees = held.length === 0 || choice.yes || (await isAgreed(context, held, hostname))
  const released = agrees ? await releaseEach(ports, held, signal) : []
  const copy = `${projectName}${instance && `@${instance}`}`
  const none = agrees
    ? `Nothing to release: ${copy} holds no such port on ${hostname}.`
    : 'Nothing was released.'
  const lines =
    released.length === 0 ? [none] : linesOf(released).map((line) => `Released ${line}.`)
  const others = [...new Set(onHost.map((it) => it.instance))].filter((it) => it !== instance)
  output.outcome(
    {
      released: released.length > 0,
      projectName,
      instance,
      ports: released.map(({ portNumber, protocol, serviceName }) =>
        inJson({ portNumber, protocol, serviceName }),
      ),
      otherInstances: others,
    },
    [...lines, heldByOthers(others)].join('\n').trimEnd(),
  )
  if (released.length === 0) answerNo()
}

/** @throws {PortsError} `INVALID_ARGUMENT` if nobody can be asked */
async function isAgreed(
  { output, confirm }: Context,
  held: readonly PortAllocation[],
  hostname: string,
): Promise<boolean> {
  const lines = linesOf(held).map((line) => `  ${line}`)
  const all = `These ports on ${hostname} would be released:\n${lines.join('\n')}`
  if (!confirm) {
    throw new PortsError(
      'INVALID_ARGUMENT',
      `${all}\nThere is no terminal to ask on. To do it without being asked: --yes`,
    )
  }
  output.notice(all)
  return confirm('Release them? [y/N] ')
}

/** Releases the allocations. Returns those that were still held. */
async function releaseEach(
  ports: PortManager,
  held: readonly PortAllocation[],
  signal: AbortSignal,
): Promise<PortAllocation[]> {
  const released = await Promise.all(
    held.map(async (it) => {
      const { projectName, serviceName, instance, hostname, protocol, portNumber } = it
      const only = { instance, protocol, portNumber, signal }
      const gone = await ports.releasePorts(projectName, serviceName, hostname, only)
      return gone.length > 0 ? [it] : []
    }),
  )
  return released.flat()
}

/** A line for each service, in the order of the lowest numbers: `3100/tcp of consilio/api`. */
function linesOf(held: readonly PortAllocation[]): string[] {
  const services = new Map<string, PortAllocation[]>()
  for (const it of held) {
    const name = nameOfService(it)
    services.set(name, [...(services.get(name) ?? []), it])
  }
  return [...services].map(([name, its]) => `${numbersOf(its)} of ${name}`)
}
