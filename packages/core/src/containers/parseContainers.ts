import { canonicalAddress, isAddress } from '../hostname.js'
import type { Container, PublishedPort } from './Container.js'

type Runtime = Container['runtime']

/** An object of JSON, none of whose members is known to be what it should. */
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
  return arrayOf(Ports).flatMap(({ IP, PrivatePort, PublicPort, Type }) =>
    // The others are exposed by the image, and not published.
    PublicPort
      ? published({ IP, port: PublicPort, containerPort: PrivatePort, protocol: Type })
      : [],
  )
}

/**
 * Podman's own list (`ContainerListLibpod`). In it, a container that joined the network of another
 * has the ports of that one. The container that publishes them comes first, but for the one that
 * only keeps the namespaces of a pod, which comes last.
 * @throws {Error} if it is no such list
 */
export function containersOfLibpod(body: string): Container[] {
  return parsed(body, (list) =>
    [...list].sort(byPublisher).map((container) => ({
      ...described(container, 'podman'),
      published: ofLibpod(container),
    })),
  )
}

function byPublisher(one: Unchecked, other: Unchecked): number {
  return (
    Number(one.IsInfra) - Number(other.IsInfra) ||
    Date.parse(String(one.Created)) - Date.parse(String(other.Created))
  )
}

function ofLibpod({ Ports }: Unchecked): PublishedPort[] {
  return arrayOf(Ports).flatMap(({ host_ip, host_port, container_port, range, protocol }) =>
    // An entry stands for so many consecutive ports, and for several protocols if need be.
    Array.from({ length: portNumber(range) }, (_, offset) =>
      text(protocol)
        .split(',')
        .flatMap((each) =>
          published({
            IP: host_ip,
            port: portNumber(host_port) + offset,
            containerPort: portNumber(container_port) + offset,
            protocol: each,
          }),
        ),
    ).flat(),
  )
}

function parsed(body: string, read: (list: readonly Unchecked[]) => Container[]): Container[] {
  try {
    const list: unknown = JSON.parse(body)
    if (!Array.isArray(list)) throw new TypeError('not an array')
    return read(list)
  } catch (cause) {
    throw new Error('its answer is not a list of containers', { cause })
  }
}

function described({ Id, Names, Image, Labels }: Unchecked, runtime: Runtime) {
  const id = /^[\da-f]{12}/.exec(text(Id))?.[0]
  if (id === undefined) throw new TypeError('not an id')
  const labels = (Labels ?? {}) as Unchecked
  const compose = (name: string) =>
    // podman-compose writes these too, and some versions of it only these.
    labels[`com.docker.compose.${name}`] ?? labels[`io.podman.compose.${name}`]
  const project = compose('project')
  const service = compose('service')
  const directory = compose('project.working_dir')
  return {
    id,
    name: nameIn(Names) ?? id,
    image: text(Image),
    ...(runtime && { runtime }),
    ...(project !== undefined && { composeProject: text(project) }),
    ...(service !== undefined && { composeService: text(service) }),
    // A relative one is told by a Compose that runs elsewhere.
    ...(directory !== undefined &&
      text(directory).startsWith('/') && { composeDirectory: directory as string }),
  }
}

/** Docker's begin with a slash. Those that follow are what linked containers call it. */
function nameIn(names: unknown): string | undefined {
  const own = Array.isArray(names)
    ? names.find((name) => !text(name).slice(1).includes('/'))
    : undefined
  return own === undefined ? undefined : text(own).replace(/^\//, '')
}

/** At most one, because there are protocols that the registry does not know. */
function published(fields: {
  readonly IP: unknown
  readonly port: unknown
  readonly containerPort: unknown
  readonly protocol: unknown
}): PublishedPort[] {
  const protocol = text(fields.protocol)
  if (protocol !== 'tcp' && protocol !== 'udp') return []
  return [
    {
      address: addressOf(fields.IP),
      port: portNumber(fields.port),
      containerPort: portNumber(fields.containerPort),
      protocol,
    },
  ]
}

/** Podman has none for all IPv4 addresses. */
function addressOf(value: unknown): string {
  const address = text(value ?? '') || '0.0.0.0'
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
