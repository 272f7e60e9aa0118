import {
  checkoutOf,
  currentDirectory,
  type FoundCheckout,
  findCheckout,
  isAbsent,
  nameOfService,
  type PortManager,
  printable,
  type Scope,
} from '@ports/core'
import type { Context } from './Context.js'
import { heldByOthers } from './heldByOthers.js'

interface Choice extends Partial<Scope> {
  readonly instance?: string
}

/**
 * The options of a call, with the instance of the project that this directory is. If a `ports.json`
 * here or above names the project, each worktree and clone is an instance of its own, which is recorded
 * the first time. An instance that an option or the environment names takes precedence.
 * @param create whether the call makes a registry if there is none
 */
export async function inCheckout<Options extends Choice>(
  context: Context,
  projectName: string,
  options: Options,
  { create }: { readonly create: boolean },
): Promise<Options & Choice> {
  const ports = await context.openManager()
  const directory = decidingDirectory(ports, projectName, options)
  if (directory === undefined) return options
  const call = { projectName, create, signal: context.signal }
  const checkout = await checkoutOf(ports, directory, call)
  return checkout ? { ...options, instance: checkout.instance } : options
}

/**
 * Which instance of the project a call means, `''` for the primary one. Records and makes nothing.
 * Undefined if this directory is a checkout that is not recorded yet, and so holds no port.
 */
export async function knownInstance(
  context: Context,
  projectName: string,
  options: Choice,
): Promise<string | undefined> {
  const ports = await context.openManager()
  const found = await recordOfCheckout(context, ports, projectName, options)
  return found ? found.instance : ports.instance(projectName, options)
}

/**
 * As `inCheckout`, for a question about a service: records and makes nothing. Undefined if this checkout
 * is not recorded yet. Then the service has no port here, which is told.
 */
export async function inKnownCheckout<Options extends Choice>(
  context: Context,
  projectName: string,
  serviceName: string,
  options: Options,
): Promise<(Options & Choice) | undefined> {
  const ports = await context.openManager()
  const found = await recordOfCheckout(context, ports, projectName, options)
  if (!found) return options
  const { instance, root } = found
  if (instance !== undefined) return { ...options, instance }
  await tellUnrecorded(context, projectName, serviceName, options, root)
  return undefined
}

/** Undefined if something other than this directory decides which instance is meant. */
async function recordOfCheckout(
  { signal }: Context,
  ports: PortManager,
  projectName: string,
  options: Choice,
): Promise<FoundCheckout | undefined> {
  const directory = decidingDirectory(ports, projectName, options)
  return directory === undefined
    ? undefined
    : findCheckout(ports, directory, { projectName, signal })
}

/** The directory that decides which instance is meant. Undefined if something else does. */
function decidingDirectory(
  ports: PortManager,
  projectName: string,
  { instance }: Choice,
): string | undefined {
  const isNamed = !isAbsent(instance) || ports.namedInstance(projectName) !== undefined
  return isNamed ? undefined : currentDirectory()
}

async function tellUnrecorded(
  { openManager, output, signal, answerNo }: Context,
  projectName: string,
  serviceName: string,
  scoped: Partial<Scope>,
  root: string,
): Promise<void> {
  const ports = await openManager()
  const { instance: _, ...service } = ports.service(projectName, serviceName, scoped)
  const others = await ports.instancesOf(projectName, serviceName, { ...service, signal })
  const none =
    `${nameOfService({ ...service, instance: '' })} has no port in ${printable(root)}: no port was ` +
    'asked for in this checkout yet.'
  output.outcome(
    { port: null, ...service, instance: null, directory: root, otherInstances: others },
    [none, heldByOthers(others)].filter(Boolean).join('\n'),
  )
  answerNo()
}
