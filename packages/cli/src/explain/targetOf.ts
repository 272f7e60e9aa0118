import { cannotCombine, invalidArgument, PROTOCOLS, type Protocol } from '@ports/core'
import type { Context } from '../Context.js'
import { tellNoPort } from '../findPort.js'
import { inKnownCheckout } from '../inCheckout.js'
import { directoryHere, projectHere } from '../run/here.js'
import { typedNumber } from '../typedNumber.js'

interface Options {
  readonly instance?: string
  readonly hostname?: string
  readonly protocol?: Protocol
}

/** A number, and its protocol if one was typed. */
export interface Target {
  readonly port: number
  readonly protocol?: Protocol
}

/** For example 3100 or 3100/udp. */
const NUMBER = new RegExp(`^(?<number>[0-9]+)(?:/(?<protocol>${PROTOCOLS.join('|')}))?$`)
/** For example web or consilio/web@feature. */
const SERVICE = /^(?:(?<project>[^/@]+)\/)?(?<service>[^/@]+)(?:@(?<instance>[^/@]+))?$/

/** Whether the word is a number or names a project. It then means the same in every directory. */
export function isWhole(typed: string): boolean {
  return NUMBER.test(typed) || typed.includes('/')
}

/**
 * The number that was typed, or the port of the service that was typed. If the service has none,
 * says so on the output and returns undefined. Changes nothing.
 * @throws {PortsError} `INVALID_ARGUMENT` if the word is neither, or contradicts `options.protocol`
 */
export async function targetOf(
  context: Context,
  typed: string,
  options: Options,
): Promise<Target | undefined> {
  const numbered = NUMBER.exec(typed)?.groups
  if (numbered) return { port: typedNumber(numbered.number!), ...protocolOf(numbered, options) }
  const named = SERVICE.exec(typed)?.groups
  if (!named) throw invalidArgument('port', typed, 'a number, or project/service')
  const projectName = named.project ?? projectHere(directoryHere()).projectName
  const instance = options.instance ?? named.instance
  const chosen = { ...options, ...(instance !== undefined && { instance }) }
  const scoped = await inKnownCheckout(context, projectName, named.service!, chosen)
  if (!scoped) return undefined
  const ports = await context.openManager()
  const port = await ports.find(projectName, named.service!, {
    ...scoped,
    signal: context.signal,
  })
  if (port !== undefined) return { port, ...protocolOf({}, options) }
  await tellNoPort(context, projectName, named.service!, scoped)
  return undefined
}

function protocolOf(
  { protocol: typed }: { readonly protocol?: string },
  { protocol }: Options,
): Pick<Target, 'protocol'> {
  if (typed !== undefined && protocol !== undefined && typed !== protocol) {
    throw cannotCombine('protocol', protocol, `a port of ${typed}`)
  }
  const chosen = protocol ?? (typed as Protocol | undefined)
  return chosen === undefined ? {} : { protocol: chosen }
}
