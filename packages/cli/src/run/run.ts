import {
  directoryText,
  type EnsuredProject,
  ensureProject,
  isOfCheckout,
  type ListeningProcess,
  nameOfOwner,
  nameOfRange,
  nameOfService,
  nearestPackage,
  type Owner,
  type PortManager,
  PortsError,
  PROJECT_FILE,
  type Protocol,
  printable,
  type Service,
  skippedText,
  useOfPort,
} from '@ports/core'
import type { Context } from '../Context.js'
import { nameOfProcess } from '../nameOfProcess.js'
import { CANNOT_RUN, type Command, NOT_FOUND, startChild } from './child.js'
import { devScript, typedCommand, writtenCommand } from './commandOf.js'
import { environmentWith, variablesOf } from './environment.js'
import { findProgram } from './findProgram.js'
import type { Target } from './frameworks.js'
import { directoryHere, type Here, here } from './here.js'
import { type Finding, isLocalhost, type Witness, watchListeners } from './proof.js'
import { renewLease } from './renewLease.js'

interface Options {
  readonly strict?: true | undefined
  readonly reuse?: true | undefined
  readonly ttl?: number | undefined
}

/** The status if --strict ended the command. */
const NOT_AS_ASKED = 1

/** Runs a command on the port of its service. Ends with the status of the command. */
export async function run(
  context: Context,
  typedService: string | undefined,
  { strict, reuse, ttl }: Options,
): Promise<void> {
  const { openManager, signal, wrapped } = context
  const directory = directoryHere()
  const place = here(directory, typedService)
  const { project, request, serviceName } = place
  const line = request.services[serviceName]?.command
  const cwd = wrapped || line === undefined ? directory : project.root
  const commandOn = (target: Target) =>
    wrapped && wrapped.length > 0
      ? typedCommand(wrapped, directory, target)
      : line === undefined
        ? scriptHere(place, directory, target)
        : writtenCommand(line, project.root, target)
  // Checked before anything is stored.
  const planned = commandOn({ port: '$PORT', host: '$HOST' })
  if (!planned) throw nothingToRun(place)
  if (!isStartable(context, planned.program, cwd)) return

  const ports = await openManager()
  const lease = ttl === undefined ? undefined : { serviceName, ttlSeconds: ttl }
  const ensured = await ensureProject(ports, { ...request, ...(lease && { lease }) }, { signal })
  const { instance } = ensured
  const own = ensured.services.find((each) => each.serviceName === serviceName)!
  const [port] = own.portNumbers
  const protocol = request.services[serviceName]?.protocols?.[0] ?? 'tcp'
  tellWhatIsNew(context, place, ensured, port!)

  if (await isRunning(context, ports, place, port!, protocol, reuse === true)) return

  const { services } = ensured
  const variables = variablesOf({ ...project, services, serviceName, instance })
  const absent = ensured.refused.map((each) => each.serviceName)
  const environment = environmentWith(variables, context.environment, absent)
  const target = { port: port!, host: environment.HOST! }
  const command = commandOn(target) ?? planned

  context.handOver()
  const service = { projectName: project.projectName, serviceName, instance }
  const { allocationIds } = own
  const held = { service, port: port!, protocol, allocationIds }
  const server = { command, cwd, environment, ...held, strict, ttl }
  context.endWith(await supervise(context, ports, server))
}

/** Whether there is such a program. If not, says so, and ends with the status of a shell. */
function isStartable({ output, environment, endWith }: Context, program: string, cwd: string) {
  const found = findProgram(program, cwd, environment.PATH)
  if (found === 'runnable') return true
  const isMissing = found === 'missing'
  const reason = isMissing ? 'there is no such command' : 'it may not be executed'
  output.notice(`error: ${program} cannot be started: ${reason}. Nothing was allocated.`)
  endWith(isMissing ? NOT_FOUND : CANNOT_RUN)
  return false
}

/**
 * The `dev` script of the package, unless the package is the top of a project with several
 * services.
 */
function scriptHere({ project }: Here, directory: string, target: Target): Command | undefined {
  const isShared = Object.keys(project.services).length > 1
  const isOfProject = nearestPackage(directory) === project.root
  return isShared && isOfProject ? undefined : devScript(directory, target)
}

/** The command to start, and the port and the service that it is for. */
interface Server extends Pick<Options, 'strict' | 'ttl'> {
  readonly command: Command
  readonly cwd: string
  readonly environment: NodeJS.ProcessEnv
  readonly service: Service
  readonly port: number
  readonly protocol: Protocol
  readonly allocationIds: readonly string[]
}

async function supervise(
  { output }: Context,
  ports: PortManager,
  { command, cwd, environment, service, port, protocol, allocationIds, strict, ttl }: Server,
): Promise<number> {
  const over = new AbortController()
  const child = startChild(command, cwd, environment, (reason) =>
    output.notice(`error: ${command.program} cannot be started: ${reason}`),
  )
  const recording = child.pid && recordStart(ports, allocationIds, child.pid, output)
  let isRefused = false
  const witness: Witness = {
    tell: async (finding) => output.notice(await textOf(finding, port, protocol, ports)),
    refuse: () => {
      if (!strict || isRefused) return
      isRefused = true
      output.notice('Ended, because of --strict.')
      child.end()
    },
    takesIPv4: async (each) =>
      protocol === 'udp' || (await ports.checkPort(each, '127.0.0.1')) !== 'not-listening',
  }
  const watch = child.pid && watchListeners(child.pid, port, protocol, witness, over.signal)
  // A rejection before it is awaited would end this process, and leave the command alone.
  if (watch) watch.catch(() => {})
  const renewal =
    ttl !== undefined &&
    renewLease(
      ports,
      service,
      ttl,
      { tell: (text) => output.notice(text), lost: () => witness.refuse() },
      over.signal,
    )
  if (renewal) renewal.catch(() => {})
  const status = await child.ended
  over.abort()
  await recording
  await watch
  await renewal
  return isRefused ? NOT_AS_ASKED : status
}

/** Records the process, so that others can see whose it is. The command runs on if that fails. */
async function recordStart(
  ports: PortManager,
  allocationIds: readonly string[],
  pid: number,
  output: Context['output'],
): Promise<void> {
  try {
    for (const id of allocationIds) await ports.recordProcess(id, pid)
  } catch (error) {
    if (!(error instanceof PortsError)) throw error
    output.notice(`warning: the registry does not know of process ${pid}. ${error.message}`)
  }
}

function tellWhatIsNew(
  { output }: Context,
  { project, serviceName }: Here,
  { instance, createdRanges, services, skipped, refused }: EnsuredProject,
  port: number,
): void {
  const { projectName, namedBy } = project
  for (const range of createdRanges) {
    output.notice(`Created the range ${nameOfRange(range)} for ${projectName}.`)
  }
  for (const notice of skippedText(skipped, [{ portNumber: port }])) output.notice(notice)
  // `ports up --run`, which has a channel to this process, has reported them.
  for (const { serviceName: other, error } of process.connected ? [] : refused) {
    output.notice(`${other} has no port here. ${error.message}`)
  }
  const isNew = services.some((each) => each.serviceName === serviceName && each.created)
  const origin = namedBy === PROJECT_FILE ? '' : ` (named by ${namedBy})`
  output.notice(
    `${nameOfService({ projectName, serviceName, instance })}${origin} has port ${port}` +
      `${isNew ? ', allocated just now' : ''}.`,
  )
}

/**
 * Whether the service is already running, and may be reused.
 * @throws {PortsError} `PORT_IN_USE` if something listens on the port and may not be reused
 */
async function isRunning(
  { output, signal }: Context,
  ports: PortManager,
  { project, serviceName }: Here,
  port: number,
  protocol: Protocol,
  reuse: boolean,
): Promise<boolean> {
  const use = await useOfPort(port, protocol)
  if (!use?.isInUse) return false
  const { processes } = await ports.explainPort(port, { protocol, signal })
  // Another service of this checkout may listen on the number.
  const strangers = processes.filter(({ whose }) => whose === 'stranger')
  const isStrange = ({ pid }: ListeningProcess) => strangers.some((each) => each.pid === pid)
  const own = use.processes.find(
    (each) =>
      each.directory !== undefined &&
      isOfCheckout(each.directory, project.root) &&
      !isStrange(each),
  )
  const [other] = [...strangers, ...use.processes]
  const [beside] = strangers
  if (own && beside) {
    throw new PortsError(
      'PORT_IN_USE',
      `${serviceName} is already running: ${nameOfProcess(own)} listens on port ${port}. But ` +
        `${whoIs(beside, project)} also listens on it, and may get the requests. Nothing was ` +
        'started. Find out what it is, and end it if it is yours.',
      { portNumber: port, ...beside },
    )
  }
  if (own && reuse) {
    output.notice(`${serviceName} is already running: ${nameOfProcess(own)}.`)
    output.result({ port, pid: own.pid, url: urlOf(port) }, () => urlOf(port))
    return true
  }
  if (own) {
    throw new PortsError(
      'PORT_IN_USE',
      `${serviceName} is already running: ${nameOfProcess(own)} listens on port ` +
        `${port}, ${urlOf(port)}. Use that one (--reuse), or end it first.`,
      { portNumber: port, ...own },
    )
  }
  const who = other ? whoIs(other, project) : 'a process of another user'
  throw new PortsError(
    'PORT_IN_USE',
    `Port ${port} is held by ${serviceName}, but ${who} listens on it. Nothing was started. Find ` +
      'out what it is, and end it if it is yours. Or release the port and run this again, which ' +
      'allocates another one.',
    { portNumber: port, ...other },
  )
}

function whoIs(
  process: ListeningProcess & { readonly owner?: Owner },
  { projectName }: Here['project'],
): string {
  const { owner } = process
  const of = owner ? ` of ${nameOfOwner(owner, { projectName })}` : ''
  return `${nameOfProcess(process)}${of} in ${printable(directoryText(process) ?? UNSEEN_DIRECTORY)}`
}

const UNSEEN_DIRECTORY = 'a directory that cannot be seen'

function nothingToRun({ project, serviceName }: Here): PortsError {
  return new PortsError(
    'INVALID_ARGUMENT',
    `There is no command to run: ${PROJECT_FILE} has none for ${serviceName}, and package.json has ` +
      'no dev script. Give one after --.',
    { field: 'command', projectName: project.projectName, serviceName },
  )
}

async function textOf(
  finding: Finding,
  port: number,
  protocol: Protocol,
  ports: PortManager,
): Promise<string> {
  switch (finding.found) {
    case 'right':
      if (protocol === 'udp') return `Listening on port ${port} for UDP.`
      return isLocalhost(finding.address)
        ? `Listening on port ${port}: ${urlOf(port)}`
        : `Listening on port ${port} of ${finding.address} only: http://${finding.address}:${port}`
    case 'wrong-port': {
      const holders = await Promise.all(
        finding.ports.map((each) => holderOf(each, protocol, ports)),
      )
      const where = finding.ports.map((each, nth) => `${each}${holders[nth]}`).join(', ')
      return (
        `warning: it listens on ${where}, and not on ${port}. It must take its port from PORT or ` +
        'from a flag.'
      )
    }
    case 'wrong-family':
      return (
        `warning: it listens on port ${port} only on ${finding.addresses.join(', ')}. Clients ` +
        'cannot connect to it over IPv4.'
      )
    case 'nothing':
      return `warning: after ${finding.seconds} s it listens on no port. It was given ${port}.`
    case 'unseen':
      return `This system does not show whether it listens on ${port}.`
  }
}

/** The holder of a number. The warning must be printed even if the registry is gone by now. */
async function holderOf(portNumber: number, protocol: Protocol, ports: PortManager) {
  const query = { portNumber, hostname: ports.scope().hostname }
  const held = await ports.listAll(query).catch((error): undefined => {
    if (!(error instanceof PortsError)) throw error
  })
  if (!held) return ', whose number that is cannot be told now'
  const holder = held.find((each) => each.protocol === protocol)
  return holder ? `, which ${holder.projectName}/${holder.serviceName} holds` : ''
}

function urlOf(port: number): string {
  return `http://localhost:${port}`
}
