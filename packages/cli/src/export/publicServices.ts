import { invalidArgument, nameOfService, type PortAllocation, type Service } from '@ports/core'
import { addressOf } from './addressOf.js'
import { commentOf } from './commentOf.js'
import { grouped } from './grouped.js'
import { inOrder } from './inOrder.js'
import { mainPort } from './mainPort.js'
import type { Exported, Omission } from './Target.js'

/** A service that is published under a name. */
export interface PublicService {
  readonly publicHostname: string
  /** In the form of `nameOfService`. */
  readonly name: string
  /** Unique in a file. */
  readonly key: string
  /** In lower case; empty if it has none. */
  readonly type: string
  /** http, https, or one that only a tunnel forwards. */
  readonly scheme: string
  /** As `host:port`, one for each host of the service. */
  readonly addresses: readonly string[]
  readonly comment: string
}

export interface PublicServices {
  /** Exact names before wildcards, and narrow wildcards before wide ones. */
  readonly services: readonly PublicService[]
  readonly omissions: readonly Omission[]
}

export const WITHOUT_NAME = 'without a Cloudflare hostname'

/** The types that `ports import --cloudflared` gives to services that are not for HTTP. */
const TUNNELED = ['tcp', 'ssh', 'rdp', 'smb']

/** Other types of services that use a protocol of their own over TCP. */
const OVER_TCP = [
  'amqp',
  'database',
  'db',
  'ftp',
  'grpc',
  'imap',
  'kafka',
  'ldap',
  'mariadb',
  'memcached',
  'mongo',
  'mongodb',
  'mqtt',
  'mysql',
  'nats',
  'postgres',
  'postgresql',
  'rabbitmq',
  'redis',
  'smtp',
  'valkey',
]

/** The services that a proxy for HTTP can publish. */
export async function publicHttpServices(exported: Exported): Promise<PublicServices> {
  const { services, omissions } = await publicServices(exported)
  const isTunneled = ({ scheme }: PublicService) => TUNNELED.includes(scheme)
  const tunneled = services
    .filter(isTunneled)
    .map(({ name, type }) => ({ service: name, reason: `of the type ${type}` }))
  return {
    services: services.filter((service) => !isTunneled(service)),
    omissions: [...omissions, ...tunneled],
  }
}

/**
 * The TCP services with a Cloudflare hostname. If several instances of a service have the same one,
 * it leads to the primary instance.
 * @throws {PortsError} `INVALID_ARGUMENT` if it is ambiguous which port a name belongs to
 */
export async function publicServices(exported: Exported): Promise<PublicServices> {
  const allocations = exported.allocations.filter(({ protocol }) => protocol === 'tcp')
  const byHostname = grouped(allocations, ({ cloudflareHostname }) => cloudflareHostname)
  const services: Keyless[] = []
  for (const [publicHostname, all] of byHostname) {
    if (publicHostname === undefined) continue
    services.push(await publicService(exported, publicHostname, all))
  }
  const unnamed = [...grouped(allocations, nameOfService)]
    .filter(([, all]) => all.every(({ cloudflareHostname }) => cloudflareHostname === undefined))
    .map(([service]) => ({ service, reason: WITHOUT_NAME }))
  return { services: withKeys(services.sort(byPrecedence)), omissions: unnamed }
}

interface Keyless extends Omit<PublicService, 'key'> {
  readonly service: Service
}

async function publicService(
  exported: Exported,
  publicHostname: string,
  allocations: readonly PortAllocation[],
): Promise<Keyless> {
  const holders = grouped(allocations, nameOfService)
  const isOfOneService = grouped(allocations, bareName).size === 1
  const primary = isOfOneService && holders.get(bareName(allocations[0]!))
  const chosen = holders.size === 1 ? allocations : primary
  if (!chosen) throw ambiguous(publicHostname, [...holders.keys()])
  const addresses: string[] = []
  for (const onHost of grouped(chosen, ({ hostname }) => hostname).values()) {
    const main = await mainPort(exported, onHost)
    if (!main) throw ambiguous(publicHostname, onHost.map(withNumber))
    addresses.push(addressOf(main))
  }
  const [service] = chosen as [PortAllocation]
  const type = service.serviceType?.toLowerCase() ?? ''
  return {
    service,
    publicHostname,
    name: nameOfService(service),
    type,
    scheme: schemeOf(type),
    addresses,
    comment: commentOf(service),
  }
}

function schemeOf(type: string): string {
  if (OVER_TCP.includes(type)) return 'tcp'
  return type === 'https' || TUNNELED.includes(type) ? type : 'http'
}

function ambiguous(publicHostname: string, holders: readonly string[]) {
  const expected =
    `the name of one port, not of ${holders.join(' and ')}: give one of them another name, or none, ` +
    'with ports update'
  return invalidArgument('cloudflareHostname', publicHostname, expected)
}

function withNumber(allocation: PortAllocation): string {
  return `${nameOfService(allocation)} (${allocation.portNumber})`
}

/** The name of the service's primary instance. */
function bareName({ projectName, serviceName }: Service): string {
  return nameOfService({ projectName, serviceName, instance: '' })
}

/** cloudflared uses the first rule that matches, so exact names come before wildcards. */
function byPrecedence(one: Keyless, other: Keyless): number {
  const [a, b] = [one.publicHostname, other.publicHostname]
  if (isWildcard(a) !== isWildcard(b)) return isWildcard(a) ? 1 : -1
  const narrower = isWildcard(a) ? b.split('.').length - a.split('.').length : 0
  return narrower || inOrder(one.name, other.name) || inOrder(a, b)
}

export function isWildcard(publicHostname: string): boolean {
  return publicHostname.startsWith('*.')
}

/**
 * Adds the keys. A key is the parts of the service's name, joined by hyphens. Hyphens inside of a
 * part are doubled, so that `a-b/c` and `a/b-c` differ also across the files that nginx reads.
 * nginx compares names without regard to case, so services whose keys differ only in case get their
 * public hostname as the key.
 */
function withKeys(services: readonly Keyless[]): PublicService[] {
  const keyOf = ({ service: { projectName, serviceName, instance } }: Keyless) =>
    [projectName, serviceName, ...(instance === '' ? [] : [instance])]
      .map((part) => part.replaceAll('-', '--'))
      .join('-')
  const same = grouped(services, (service) => keyOf(service).toLowerCase())
  return services.map(({ service: _, ...each }, index) => {
    const key = keyOf(services[index]!)
    return { ...each, key: same.get(key.toLowerCase())!.length === 1 ? key : each.publicHostname }
  })
}
