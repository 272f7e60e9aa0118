import { invalidArgument, type Protocol } from '@ports/core'
import type { Context } from '../Context.js'
import { tellNoPort } from '../findPort.js'
import { inCheckout } from '../inCheckout.js'
import { directoryHere, projectHere } from '../run/here.js'
import { typedNumber } from '../typedNumber.js'

interface Options {
  readonly instance?: string
  readonly hostname?: string
  readonly protocol?: Protocol
}

/** As in consilio/web@feature. */
const SERVICE = /^(?:(?<project>[^/@]+)\/)?(?<service>[^/@]+)(?:@(?<instance>[^/@]+))?$/

/**
 * The number that was typed, or the port of the service. Undefined if the service has none, which is
 * told.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export async function targetOf(
  context: Context,
  typed: string,
  options: Options,
): Promise<number | undefined> {
  if (/^\d+$/.test(typed)) return typedNumber(typed)
  const named = SERVICE.exec(typed)?.groups
  if (!named) throw invalidArgument('port', typed, 'a number, or project/service')
  const projectName = named.project ?? projectHere(directoryHere()).projectName
  const instance = options.instance ?? named.instance
  const chosen = { ...options, ...(instance !== undefined && { instance }) }
  const scoped = await inCheckout(context, projectName, chosen, { create: false })
  const ports = await context.openManager()
  const port = await ports.find(projectName, named.service!, {
    ...scoped,
    signal: context.signal,
  })
  if (port === undefined) await tellNoPort(context, projectName, named.service!, scoped)
  return port
}
