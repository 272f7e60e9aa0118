import { parseEnv } from 'node:util'
import { environmentName, findProject, nearestName } from '@ports/core'
import { DEFAULT_SERVICE, serviceHere } from '../run/here.js'
import { Findings, type FoundRow, type SourceFile } from './Findings.js'
import { isThisHost, portIn } from './portIn.js'

interface Variable {
  readonly name: string
  readonly value: string
  readonly place: string
}

/** `PORT` and `WEB_API_PORT`. */
const PORT_NAME = /^(?:(?<service>\w+)_)?PORT$/

/** The parts of a variable's name before and after the name of the service. */
const PREFIX = /^(NEXT_PUBLIC|NUXT_PUBLIC|PUBLIC|VITE|REACT_APP|EXPO_PUBLIC)_(?=.)/
const SUFFIX = /(?<=.)_(BASE_URL|URL|URI|ORIGIN|ENDPOINT|ADDRESS|ADDR|DSN|HOST)$/

/** The scheme and the authority of a URL (RFC 3986). */
const AUTHORITY = /(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*:\/\/(?<authority>[^/?#,\s]*)/gi
const HOST_AND_PORT = /^(?<host>\[[^\]]*\]|[^:]*):(?<port>\d+)$/

/**
 * The numbers in a file of variables: the values of `PORT` and `…_PORT`, and the ports in URLs of
 * this host.
 */
export function readEnv(file: SourceFile): Findings {
  // First, because a URL with the number of a port variable belongs to the same service.
  const found = readPortVariables(file)
  for (const variable of variablesIn(file.content).values()) {
    const read = PORT_NAME.test(variable.name) ? undefined : readUrl(variable, file.directory)
    if (read) record(read, found)
  }
  return found
}

/** As `readEnv`, without the URLs. */
export function readPortVariables({ content, directory }: SourceFile): Findings {
  const found = new Findings()
  const variables = variablesIn(content)
  for (const variable of variables.values()) {
    if (!PORT_NAME.test(variable.name)) continue
    record(readPort(variable, variables, directory), found)
  }
  return found
}

function record({ place, result }: Read, found: Findings): void {
  if (typeof result === 'string') found.skip(place, result)
  else found.addOnce(place, result)
}

/** The row, or why there is none. */
interface Read {
  readonly place: string
  readonly result: FoundRow | string
}

function readPort(
  { name, value, place }: Variable,
  variables: ReadonlyMap<string, Variable>,
  directory: string,
): Read {
  const said = (result: FoundRow | string) => ({ place, result })
  if (value.includes('$')) return said(`${name} refers to other variables`)
  const portNumber = portIn(value)
  if (portNumber === undefined) return said(`${name} is ${value || 'empty'}, which is not a port`)
  const prefix = PORT_NAME.exec(name)!.groups!.service
  const host = variables.get(`${prefix}_HOST`)
  if (host && !isThisHost(host.value)) {
    return said(`${name} is a port on ${host.value}, according to ${host.name}`)
  }
  const serviceName = prefix === undefined ? serviceOf(directory) : serviceNamed(prefix, directory)
  if (serviceName === undefined) return said(`${name} does not say which service uses ${value}`)
  return said({ serviceName, portNumber, protocol: 'tcp' })
}

/** Undefined if it has nothing to do with this host. */
function readUrl({ name, value, place }: Variable, directory: string): Read | undefined {
  const said = (result: FoundRow | string) => ({ place, result })
  const hosts = [...value.matchAll(AUTHORITY)].map(({ groups }) =>
    // Without the user and the password, which may contain anything.
    groups!.authority!.replace(/^.*@/, ''),
  )
  if (hosts.some((host) => host.includes('$'))) return said(`${name} refers to other variables`)
  const [first, ...others] = hosts.flatMap((host) => {
    const parts = HOST_AND_PORT.exec(host)?.groups
    return parts && isThisHost(parts.host!) ? [parts] : []
  })
  if (!first) return undefined
  if (others.length > 0) return said(`${name} has several URLs`)
  const portNumber = portIn(first.port!)
  if (portNumber === undefined) return said(`${name} has ${first.port}, which is not a port`)
  const serviceName = serviceNamed(name.replace(PREFIX, '').replace(SUFFIX, ''), directory)
  if (serviceName === undefined)
    return said(`${name} does not say which service uses ${portNumber}`)
  return said({ serviceName, portNumber, protocol: 'tcp' })
}

/** The variables by name. If a name appears more than once, the last one counts. */
function variablesIn(content: string): Map<string, Variable> {
  const variables = new Map<string, Variable>()
  const lines = content.split(/\r?\n/)
  for (let first = 0; first < lines.length; ) {
    const last = lastLineOfValue(lines, first)
    // One at a time, because the parser does not report where a variable is.
    const text = lines.slice(first, last + 1).join('\n')
    for (const [name, value = ''] of Object.entries(parseEnv(text))) {
      variables.set(name, { name, value, place: `line ${first + 1}` })
    }
    first = last + 1
  }
  return variables
}

/** A value that begins with a quote ends with the next one, as `parseEnv` reads it. */
const QUOTED = /^\s*[^#\s=][^=]*=\s*(?<quote>["'`])(?<rest>.*)$/

/** The index of the line in which the value of a line ends. */
function lastLineOfValue(lines: readonly string[], first: number): number {
  const { quote, rest } = QUOTED.exec(lines[first]!)?.groups ?? {}
  if (quote === undefined || rest!.includes(quote)) return first
  const last = lines.findIndex((line, index) => index > first && line.includes(quote))
  // A quote that is never closed is one of the value.
  return last === -1 ? first : last
}

/** The service that `PORT` is of: the one whose port `ports run` sets in this directory. */
function serviceOf(directory: string): string | undefined {
  const project = findProject(directory)
  return project ? serviceHere(project, directory) : DEFAULT_SERVICE
}

/** The service of the project whose variables begin with this text, else one named after it. */
function serviceNamed(text: string, directory: string): string | undefined {
  const services = Object.keys(findProject(directory)?.services ?? {})
  return (
    services.find((service) => environmentName(service) === text.toUpperCase()) ??
    nearestName(text.toLowerCase().replaceAll('_', '-'))
  )
}
