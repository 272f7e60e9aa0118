import { canonicalAddress, isAddress } from '../hostname.js'
import type { Container, PublishedPort } from './Container.js'

type Runtime = Container['runtime']

/** A JSON object whose members have not been checked. */
type Unchecked = Readonly<Record<string, unknown>>

/**
 * Docker's list (`ContainerList` of its Engine API), which Podman serves as well.
 * @throws {Error} if it is no such list
 */
export function containersOfDocker(body: string, runtime: Runtime): Container[] {
  return parsed(body, (list) =>
    list.map((container) => ({ ...described(container, runtime), published: ofDocker(container) })),
  )
}

function ofDocker({ Ports }: Unchecked): PublishedPort[] {
  return arrayOf(Ports).flatMap(({ IP, PrivatePort, PublicPort, Type }) => {
    // The image exposes the port, but nobody published it.
    if (!PublicPort || !isKnown(Type)) return []
    // Docker names every address. Podman before version 4 names none for all of IPv4.
    const address = addressOf(IP || '0.0.0.0')
    const [port, containerPort] = [portNumber(PublicPort), portNumber(PrivatePort)]
    return [{ address, port, containerPort, protocol: Type }]
  })
}

/**
 * Podman's own list (`ContainerListLibpod`). In it, a container that joined the network of another
 * has the ports of that one. The container that publishes them comes first, except the one that
 * only keeps the namespaces of a pod, which comes last.
 * @param anyAddress the addresses of a port that is published without one
 * @throws {Error} if it is no such list
 */
export function containersOfLibpod(body: string, anyAddress: readonly string[]): Container[] {
  return parsed(body, (list) =>
    [...list].sort(byPublisher).map((container) => ({
      ...described(container, 'podman'),
      published: arrayOf(container.Ports).flatMap((entry) => ofLibpod(entry, anyAddress)),
    })),
  )
}

function byPublisher(one: Unchecked, other: Unchecked): number {
  return (
    Number(one.IsInfra) - Number(other.IsInfra) ||
    Date.parse(String(one.Created)) - Date.parse(String(other.Created))
  )
}

/** An entry may stand for consecutive ports, and for several protocols. */
function ofLibpod(entry: Unchecked, anyAddress: readonly string[]): PublishedPort[] {
  const addresses = entry.host_ip ? [addressOf(entry.host_ip)] : anyAddress
  const protocols = text(entry.protocol).split(',').filter(isKnown)
  const [port, containerPort] = [portNumber(entry.host_port), portNumber(entry.container_port)]
  return Array.from({ length: portNumber(entry.range) }, (_, offset) => ({
    port: portNumber(port + offset),
    containerPort: portNumber(containerPort + offset),
  })).flatMap((numbers) =>
    addresses.flatMap((address) =>
      protocols.map((protocol) => ({ address, ...numbers, protocol })),
    ),
  )
}

function parsed(body: string, read: (list: readonly Unchecked[]) => Container[]): Container[] {
  try {
    return read(arrayOf(JSON.parse(body)))
  } catch (cause) {
    throw new Error('its answer is not a list of containers', { cause })
  }
}

function described({ Id, Names, Image, Labels }: Unchecked, runtime: Runtime) {
  const id = /^[\da-f]{12}/.exec(text(Id))?.[0]
  if (id === undefined) throw new TypeError('not an id')
  const labels = (Labels ?? {}) as Unchecked
  const compose = (name: string) => {
    // podman-compose writes both.
    const value = labels[`com.docker.compose.${name}`] ?? labels[`io.podman.compose.${name}`]
    return value === undefined ? undefined : text(value)
  }
  const composeProject = compose('project')
  const composeService = compose('service')
  const composeDirectory = compose('project.working_dir')
  return {
    id,
    name: nameIn(Names) ?? id,
    image: text(Image),
    ...(runtime && { runtime }),
    ...(composeProject && { composeProject }),
    ...(composeService && { composeService }),
    // A relative directory means nothing here.
    ...(composeDirectory?.startsWith('/') && { composeDirectory }),
  }
}

/**
 * Docker's names begin with a slash. One with another slash is what a linked container calls it.
 */
function nameIn(names: unknown): string | undefined {
  return arrayOf(names)
    .map((name) => text(name).replace(/^\//, ''))
    .find((name) => !name.includes('/'))
}

/** Containers publish ports of SCTP, too, which the registry does not have. */
function isKnown(protocol: unknown): protocol is PublishedPort['protocol'] {
  return protocol === 'tcp' || protocol === 'udp'
}

function addressOf(value: unknown): string {
  const address = text(value)
  if (!isAddress(address)) throw new TypeError('not an address')
  return canonicalAddress(address)
}

function portNumber(value: unknown): number {
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535) return Number(value)
  throw new TypeError('not a port')
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  throw new TypeError('not a text')
}

/** Go writes `null` for an empty list. */
function arrayOf(value: unknown): readonly Unchecked[] {
  if (value === null || value === undefined) return []
  if (Array.isArray(value)) return value
  throw new TypeError('not an array')
}
