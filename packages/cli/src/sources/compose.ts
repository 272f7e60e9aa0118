import { existsSync } from 'node:fs'
import { isIP, isIPv6 } from 'node:net'
import { basename, extname, join } from 'node:path'
import { parseEnv } from 'node:util'
import { invalidArgument, nearestName, PROTOCOLS, type Protocol, textOfFile } from '@ports/core'
import { Findings, type SourceFile } from './Findings.js'
import { interpolate } from './interpolate.js'
import { YamlFile, type YamlNode } from './YamlFile.js'

/** That output has neither variables nor references to other files. */
const WHOLE = 'import the output of "docker compose config --format json"'

/**
 * The host ports that a Compose file publishes, according to the Compose Specification. The output
 * of `docker compose config` is such a file.
 * @throws {PortsError} `INVALID_ARGUMENT` if it is not a Compose file
 */
export function readCompose(file: SourceFile): Findings {
  return new ComposeFile(file).read()
}

/** A service that a Compose file builds. */
interface BuiltService {
  readonly serviceName: string
  readonly place: string
  /** The host ports that the file fixes, without variables. */
  readonly numbers: readonly number[]
}

/**
 * The services of a Compose file that are built from a directory, and so belong to the project.
 * @throws {PortsError} as `readCompose`
 */
export function builtServices(file: SourceFile): BuiltService[] {
  return new ComposeFile(file).built()
}

/** A service of a Compose file, with its ports as they are listed. */
export interface ListedService {
  /** Its key in the file. */
  readonly key: string
  /** Undefined if nothing in the registry can have that name. */
  readonly serviceName: string | undefined
  readonly publishes: boolean
  readonly ports: readonly ListedPort[]
}

/** A port that a service of a Compose file lists. Its parts are not checked. */
export interface ListedPort {
  /** As the file has it, with its variables. */
  readonly entry: string | Readonly<Record<string, string | number>>
  /** Undefined if they cannot be known. */
  readonly parts: PortParts | undefined
  /** The host ports that it fixes. */
  readonly numbers: readonly number[]
}

/**
 * The services of a Compose file with the ports that they list.
 * @throws {PortsError} as `readCompose`
 */
export function listedServices(file: SourceFile): ListedService[] {
  return new ComposeFile(file).listed()
}

type Variables = Readonly<Record<string, string | undefined>>

type Fields = ReadonlyMap<string, YamlNode>

class ComposeFile {
  readonly #file: SourceFile
  readonly #yaml: YamlFile
  readonly #variables: Variables
  readonly #found = new Findings()

  constructor(file: SourceFile) {
    this.#file = file
    this.#yaml = new YamlFile(file)
    this.#variables = { ...variablesBeside(file.directory), ...file.environment }
  }

  read(): Findings {
    const top = this.#yaml.fieldsOf(this.#yaml.root)
    const services = this.#services(top)
    const named = this.#variables.COMPOSE_PROJECT_NAME || this.#given(top.get('name'))
    this.#found.projectName = named && nearestName(named)
    const include = top.get('include')
    if (include) this.#noteUnread(include, 'include: other files are not read')
    const override = overrideBeside(this.#file)
    if (override)
      this.#found.note('line 1', `${override} beside it is not read. To include it, ${WHOLE}`)
    for (const [name, node] of services) this.#readService(name, node)
    return this.#found
  }

  built(): BuiltService[] {
    const services = this.#services(this.#yaml.fieldsOf(this.#yaml.root))
    return [...services].flatMap(([name, node]) => {
      const service = this.#yaml.fieldsOf(node)
      const [serviceName, ports] = [nearestName(name), service.get('ports')]
      if (!service.has('build') || serviceName === undefined || !ports) return []
      const numbers = this.#yaml.itemsOf(ports).flatMap((port) => this.#fixedNumbers(port))
      return [{ serviceName, place: this.#yaml.placeOf(node), numbers }]
    })
  }

  listed(): ListedService[] {
    const services = this.#services(this.#yaml.fieldsOf(this.#yaml.root))
    return [...services].map(([key, node]) => {
      const service = this.#yaml.fieldsOf(node)
      const ports = service.get('ports')
      return {
        key,
        serviceName: nearestName(key),
        publishes: this.#sharedNetwork(service) === undefined,
        ports: ports ? this.#yaml.itemsOf(ports).map((port) => this.#listedPort(port)) : [],
      }
    })
  }

  #listedPort(node: YamlNode): ListedPort {
    const entry = this.#entry(node)
    const known = this.#spelled(node)
    // Compose reads a variable that is not set as empty.
    const spelled = 'reason' in known ? this.#spelled(node, orEmpty(this.#variables)) : known
    if ('reason' in spelled) return { entry, parts: undefined, numbers: [] }
    const published = numbersOf(spelled)
    return { entry, parts: spelled, numbers: 'reason' in published ? [] : published.numbers }
  }

  #entry(node: YamlNode): ListedPort['entry'] {
    const fields = this.#yaml.fieldsOf(node)
    if (fields.size === 0) return this.#yaml.textOf(node) ?? ''
    const texts = [...fields].map(
      ([name, value]) => [name, this.#yaml.textOf(value) ?? ''] as const,
    )
    // Of all fields this is the only one that Compose wants to be a number.
    const isNumber = (name: string, text: string) => name === 'target' && /^\d+$/.test(text)
    return Object.fromEntries(
      texts.map(([name, text]) => [name, isNumber(name, text) ? Number(text) : text]),
    )
  }

  #services(top: Fields): ReadonlyMap<string, YamlNode> {
    const services = top.get('services')
    if (services !== undefined) return this.#yaml.fieldsOf(services)
    throw invalidArgument('compose', this.#file.source, 'a Compose file with services')
  }

  #fixedNumbers(port: YamlNode): readonly number[] {
    const texts = [port, ...this.#yaml.fieldsOf(port).values()].map((each) =>
      this.#yaml.textOf(each),
    )
    if (texts.some((text) => text?.includes('$'))) return []
    const published = this.#publishedBy(port)
    return 'reason' in published ? [] : published.numbers
  }

  #readService(name: string, node: YamlNode): void {
    const service = this.#yaml.fieldsOf(node)
    const [base, expose] = [service.get('extends'), service.get('expose')]
    if (base) this.#noteUnread(base, `${name} extends a service whose ports are not read`)
    if (expose) this.#skip(expose, `expose of ${name} applies only to its own network`)
    const serviceName = nearestName(name)
    if (serviceName === undefined) {
      this.#skip(node, `${name} cannot be the name of a service`)
      return
    }
    const mode = this.#sharedNetwork(service)
    if (mode !== undefined) {
      const whose = mode === 'host' ? 'its program chooses its ports' : 'it publishes no ports'
      const network = service.get('network_mode')!
      this.#skip(network, `${name} has network_mode ${mode}, so ${whose}`)
      return
    }
    const ports = service.get('ports')
    for (const port of ports ? this.#yaml.itemsOf(ports) : []) this.#readPort(serviceName, port)
  }

  /** The network_mode with which a service has no ports of its own. */
  #sharedNetwork(service: Fields): string | undefined {
    const network = service.get('network_mode')
    const mode = network && this.#yaml.textOf(network)
    return mode !== undefined && /^(host$|service:|container:)/.test(mode) ? mode : undefined
  }

  #readPort(serviceName: string, node: YamlNode): void {
    const fields = this.#yaml.fieldsOf(node)
    const published = this.#publishedBy(node)
    if ('reason' in published) {
      this.#skip(node, published.reason)
      return
    }
    const { numbers, protocol } = published
    const description = this.#given(fields.get('name'))
    const serviceType = this.#given(fields.get('app_protocol'))
    const metadata = { ...(description && { description }), ...(serviceType && { serviceType }) }
    for (const portNumber of numbers) {
      this.#found.add(this.#yaml.placeOf(node), { serviceName, portNumber, protocol, ...metadata })
    }
    const text = this.#yaml.isPlain(node) ? this.#yaml.textOf(node)! : ''
    if (BASE_60.test(text)) {
      const why = 'Without quotes, YAML 1.1 reads it as one number in base 60'
      this.#found.note(this.#yaml.placeOf(node), `${text} is read as it is written. ${why}`)
    }
  }

  #publishedBy(node: YamlNode): Published | Refused {
    const spelled = this.#spelled(node)
    return 'reason' in spelled ? spelled : numbersOf(spelled)
  }

  #spelled(node: YamlNode, variables = this.#variables): Spelled {
    const fields = this.#yaml.fieldsOf(node)
    return fields.size > 0 ? this.#longForm(fields, variables) : this.#shortForm(node, variables)
  }

  #shortForm(node: YamlNode, variables: Variables): Spelled {
    const interpolated = this.#interpolated(node, variables)
    return 'reason' in interpolated ? interpolated : partsOf(interpolated.text)
  }

  #longForm(fields: Fields, variables: Variables): Spelled {
    const values: Record<string, string> = {}
    for (const name of ['published', 'target', 'protocol', 'host_ip']) {
      const node = fields.get(name)
      const interpolated = node ? this.#interpolated(node, variables) : { text: '' }
      if ('reason' in interpolated) return interpolated
      values[name] = interpolated.text
    }
    const { published = '', target = '', protocol, host_ip: address = '' } = values
    if (address !== '' && isIP(address) === 0) return { reason: `${address} is not an IP address` }
    return { text: published || target, address, published, target, protocol: protocol || 'tcp' }
  }

  #interpolated(node: YamlNode, variables = this.#variables) {
    return interpolate(this.#yaml.textOf(node) ?? '', variables)
  }

  /** Undefined if it has no value. */
  #given(node: YamlNode | undefined): string | undefined {
    const interpolated = node && this.#interpolated(node)
    return interpolated && 'text' in interpolated ? interpolated.text : undefined
  }

  #skip(node: YamlNode, reason: string): void {
    this.#found.skip(this.#yaml.placeOf(node), reason)
  }

  #noteUnread(node: YamlNode, what: string): void {
    this.#found.note(this.#yaml.placeOf(node), `${what}. To include them, ${WHOLE}`)
  }
}

/** Two numbers below 60 with a colon between them. */
const BASE_60 = /^[1-9]\d*(:[0-5]?\d)+$/

type Refused = { readonly reason: string }

/** A published port by its parts, which are not checked. */
export interface PortParts {
  /** As it stands in the file, for messages. */
  readonly text: string
  /** Empty for every address. */
  readonly address: string
  readonly published: string
  readonly target: string
  readonly protocol: string
}

type Spelled = Refused | PortParts

/** `[[address:][published]:]target[/protocol]` */
function partsOf(text: string): Spelled {
  const { ports = '', protocol = 'tcp' } = /^(?<ports>.*?)(?:\/(?<protocol>\w+))?$/.exec(text)!
    .groups!
  if (ports.includes('/')) {
    return { reason: `${text} has a protocol in the middle; only the end may have one` }
  }
  const bracketed = /^\[(?<address>.*)\]:(?<rest>.*)$/.exec(ports)?.groups
  const parts = (bracketed?.rest ?? ports).split(':')
  const target = parts.pop()!
  const published = parts.pop() ?? ''
  const address = bracketed?.address ?? parts.join(':')
  if (address !== '' && isIP(address) === 0) {
    return { reason: `${text} begins with ${address}, which is not an IP address` }
  }
  if (isIP(published) !== 0 || (bracketed && isIPv6(published))) {
    return { reason: `${text} has an address but no host port` }
  }
  return { text, address, published, target, protocol }
}

interface Published {
  readonly numbers: readonly number[]
  readonly protocol: Protocol
}

function numbersOf({ text, published, target, protocol }: PortParts): Published | Refused {
  const known = PROTOCOLS.find((each) => each === protocol.toLowerCase())
  if (known === undefined) return { reason: `${text} has the protocol ${protocol}` }
  if (published === '' || published === '0') return { reason: `${text} has a random host port` }
  const [numbers, targets] = [rangeIn(published), rangeIn(target)]
  if (!numbers) return { reason: `${text} has ${published} where a host port is expected` }
  if (!targets) return { reason: `${text} has ${target} where a port is expected` }
  if (numbers.length === targets.length) return { numbers, protocol: known }
  if (targets.length === 1) {
    return { reason: `${text} can be any one of ${numbers.length} host ports` }
  }
  return {
    reason: `${text} has ${numbers.length} host ports for ${targets.length} container ports`,
  }
}

function rangeIn(text: string): number[] | undefined {
  const [, start, end = start] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? []
  if (start === undefined) return undefined
  const [first, last] = [Number(start), Number(end)]
  if (first < 1 || last > 65535 || last < first) return undefined
  return Array.from({ length: last - first + 1 }, (_, nth) => first + nth)
}

function orEmpty(variables: Variables): Variables {
  return new Proxy(variables, { get: (target, name) => target[String(name)] ?? '' })
}

function variablesBeside(directory: string): Variables {
  const content = textOfFile(join(directory, '.env')) ?? ''
  return parseEnv(content.replaceAll('\r\n', '\n'))
}

/** The file that Compose also reads if it is given no file name. */
function overrideBeside({ source, directory }: SourceFile): string | undefined {
  const stem = basename(source, extname(source))
  if (stem !== 'compose' && stem !== 'docker-compose') return undefined
  return ['.yml', '.yaml']
    .map((extension) => `${stem}.override${extension}`)
    .find((name) => existsSync(join(directory, name)))
}
