import { nearestName } from '@ports/core'
import { Findings, type SourceFile } from './Findings.js'
import { isThisHost, portIn } from './portIn.js'
import { YamlFile, type YamlNode } from './YamlFile.js'

/** Values for which cloudflared answers itself. */
const ANSWERS_ITSELF = /^(http_status:\d+|hello_world|hello-world)$/

const URL_OF_SERVICE =
  /^(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?<host>\[[^\]]*\]|[^:/]*)(?::(?<port>\d+))?/i

/** The service that cloudflared connects to if its file names none. */
const DEFAULT_SERVICE = 'http://localhost:8080'

/** The services of this host that the rules of a cloudflared configuration lead to. */
export function readCloudflared(file: SourceFile): Findings {
  const yaml = new YamlFile(file)
  const found = new Findings()
  const top = yaml.fieldsOf(yaml.root)
  const ingress = top.get('ingress')
  const url = top.get('url')
  if (!ingress && !url) {
    found.skip('line 1', `without ingress or url, cloudflared connects to ${DEFAULT_SERVICE}`)
  }
  // Without rules there may be one service for the whole tunnel.
  const rules = ingress
    ? yaml.itemsOf(ingress).flatMap((rule) => ruleIn(yaml, found, rule, 'service') ?? [])
    : [url && ruleIn(yaml, found, yaml.root!, 'url')].flatMap((rule) => rule ?? [])
  const names = new Map<string, number>()
  for (const rule of rules) {
    const { hostname, scheme, portNumber, place } = rule
    const serviceName = nameOf(rule, rules, names)
    if (serviceName === undefined) {
      found.skip(place, `no name for the service on ${portNumber} can be made from ${hostname}`)
      continue
    }
    names.set(serviceName, portNumber)
    const metadata = { serviceType: scheme, cloudflareHostname: hostname }
    found.addOnce(place, { serviceName, portNumber, protocol: 'tcp', ...metadata })
  }
  return found
}

interface Rule {
  readonly place: string
  readonly hostname: string
  /** A regular expression; empty for every path. */
  readonly path: string
  readonly scheme: string
  readonly portNumber: number
}

/** Undefined if the rule leads to no port of this host; the reason is then noted. */
function ruleIn(
  yaml: YamlFile,
  found: Findings,
  node: YamlNode,
  field: 'service' | 'url',
): Rule | undefined {
  const fields = yaml.fieldsOf(node)
  const textOf = (name: string) => {
    const value = fields.get(name)
    return (value && yaml.textOf(value)) ?? ''
  }
  const [service, hostname, path] = [textOf(field), textOf('hostname'), textOf('path')]
  if (ANSWERS_ITSELF.test(service)) return undefined
  const place = yaml.placeOf(node)
  const target = targetOf(service)
  if ('reason' in target) {
    found.skip(place, `${service || 'a rule without a service'} ${target.reason}`)
    return undefined
  }
  if (hostname === '') {
    found.skip(place, `${service} has no hostname to name the service after`)
    return undefined
  }
  return { place, hostname, path, ...target }
}

/**
 * The first label of the hostname, or the whole hostname if another one has the same first label.
 * The path is added if the hostname without a path leads to another port.
 */
function nameOf(
  { hostname, path, portNumber }: Rule,
  rules: readonly Rule[],
  names: ReadonlyMap<string, number>,
): string | undefined {
  const ofHost = rules.filter((rule) => rule.hostname === hostname)
  const main = ofHost.find((rule) => rule.path === '') ?? ofHost[0]!
  const suffix = main.portNumber === portNumber ? '' : `-${path.replace(/[^A-Za-z0-9]+/g, '-')}`
  const bare = hostname.replace(/^\*\./, '')
  return [bare.split('.')[0]!, bare]
    .flatMap((name) => nearestName(`${name}${suffix}`) ?? [])
    .find((name) => (names.get(name) ?? portNumber) === portNumber)
}

type Target = { readonly reason: string } | { readonly scheme: string; readonly portNumber: number }

function targetOf(service: string): Target {
  if (/^unix(\+tls)?:/.test(service)) return { reason: 'is a Unix socket' }
  const { scheme, host, port } = URL_OF_SERVICE.exec(service)?.groups ?? {}
  if (scheme === undefined || host === undefined) return { reason: 'is not a port of this host' }
  if (!isThisHost(host)) return { reason: 'is on another host, or in a container of that name' }
  if (port === undefined) return { reason: 'names no port' }
  const portNumber = portIn(port)
  if (portNumber === undefined) return { reason: 'has no port from 1 to 65535' }
  return { scheme, portNumber }
}
