import { existsSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { nameOfService, type PortAllocation, PROTOCOLS } from '@ports/core'
import type { ListedPort, ListedService } from '../sources/compose.js'
import { grouped } from './grouped.js'
import type { Exported, TargetCommand } from './Target.js'

/** In the order in which Docker Compose searches for them. */
const DEFAULT_FILES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']

export const compose: TargetCommand = {
  name: 'compose',
  description: 'Docker Compose: the host ports of each service, to override those of compose.yaml',
  help: `
The registry does not know which port a program listens on inside its container. That comes from the
project's Compose file: --file, or compose.yaml, compose.yml, docker-compose.yml or
docker-compose.yaml in this directory. Each port keeps its container port, address and options, and
gets the registry's number as its host port. The other ports of a service do not change. Without
such a file, or for a service that lists no port there, the container port is the same number, and
the address is 127.0.0.1.

The ports have the tag !override, so that they replace those of compose.yaml (Docker Compose 2.24.4
or newer). In another file, indent the block like the entries under services:.

Examples:
  ports export compose shop --output compose.override.yaml
  ports export compose shop --file deploy/compose.yaml > overlay.yaml`,
  ofOneProject: { file: 'the Compose file of the project; default: the one in this directory' },
  async render(exported) {
    const { overriding, yamlTexts } = await import('./yamlTexts.js')
    const listed = await listedIn(exported)
    const services: Record<string, object> = {}
    const omissions = []
    for (const allocations of grouped(exported.allocations, nameOfService).values()) {
      const { serviceName } = allocations[0]!
      const found = publishedBy(serviceName, allocations, listed)
      if ('reason' in found) {
        omissions.push({ service: nameOfService(allocations[0]!), reason: found.reason })
      } else {
        services[found.key] = { ports: overriding(found.ports) }
      }
    }
    const texts = yamlTexts('services', services)
    return { ...texts, services: Object.keys(services).length, omissions }
  },
}

interface Listed {
  /** The name of the file. */
  readonly file: string
  readonly services: readonly ListedService[]
}

async function listedIn({ file, context }: Exported): Promise<Listed | undefined> {
  const name = file ?? DEFAULT_FILES.find((each) => existsSync(each))
  if (name === undefined) return undefined
  const { readSourceFile } = await import('../sources/readSource.js')
  const { listedServices } = await import('../sources/compose.js')
  const source = await readSourceFile(name, context)
  const { output } = context
  if (file === undefined && !output.json) output.notice(`The container ports come from ${name}.`)
  return { file: source.source, services: listedServices(source) }
}

type Published =
  | { readonly key: string; readonly ports: readonly ListedPort['entry'][] }
  | { readonly reason: string }

function publishedBy(
  serviceName: string,
  allocations: readonly PortAllocation[],
  listed: Listed | undefined,
): Published {
  if (!listed) return { key: serviceName, ports: allocations.map(sameNumber) }
  const { file, services } = listed
  const service = services.find((each) => each.serviceName === serviceName)
  if (!service) return { reason: `that ${file} does not list` }
  if (!service.publishes) return { reason: `without published ports in ${file}` }
  const ports = renumbered(service.ports, allocations)
  return ports
    ? { key: service.key, ports }
    : { reason: `whose container ports are not clear from ${file}` }
}

/**
 * The ports that a service lists, with the numbers that it holds. Undefined if it is ambiguous
 * which number belongs to which port.
 */
function renumbered(
  listed: readonly ListedPort[],
  allocations: readonly PortAllocation[],
): ListedPort['entry'][] | undefined {
  const numbers = new Map<ListedPort, number>()
  const added: PortAllocation[] = []
  for (const protocol of PROTOCOLS) {
    const all = listed.filter(({ parts }) => parts?.protocol.toLowerCase() === protocol)
    const held = allocations.filter((each) => each.protocol === protocol)
    const isHeld = (number: number) => held.some(({ portNumber }) => portNumber === number)
    const rest = all.filter((port) => isSingle(port) && !port.numbers.some(isHeld))
    const fixed = new Set(all.flatMap((port) => port.numbers))
    const missing = held.filter(({ portNumber }) => !fixed.has(portNumber))
    const isClear = listed.every(({ parts }) => parts !== undefined)
    if (rest.length === 0 && isClear) added.push(...missing)
    else if (rest.length === 1 && missing.length === 1) {
      numbers.set(rest[0]!, missing[0]!.portNumber)
    } else if (missing.length > 0) return undefined
  }
  const entries = listed.map((port) => {
    const number = numbers.get(port)
    return number === undefined ? port.entry : withNumber(port, number)
  })
  return [...entries, ...added.map(sameNumber)]
}

function isSingle({ parts }: ListedPort): boolean {
  return /^\d+$/.test(parts?.target ?? '') && /^\d*$/.test(parts?.published ?? '')
}

function withNumber({ entry, parts }: ListedPort, number: number): ListedPort['entry'] {
  if (typeof entry !== 'string') return { ...entry, published: number }
  const { address, target, protocol } = parts!
  const host = isIPv6(address) ? `[${address}]` : address
  return `${host === '' ? '' : `${host}:`}${number}:${target}${suffixOf(protocol)}`
}

function sameNumber({ portNumber, protocol }: PortAllocation): string {
  return `127.0.0.1:${portNumber}:${portNumber}${suffixOf(protocol)}`
}

function suffixOf(protocol: string): string {
  return protocol.toLowerCase() === 'tcp' ? '' : `/${protocol.toLowerCase()}`
}
