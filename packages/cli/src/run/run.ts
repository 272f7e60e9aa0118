import {
  type EnsuredProject,
  ensureProject,
  isInside,
  nameOfRange,
  type PortManager,
  PortsError,
  PROJECT_FILE,
  type Protocol,
  SKIP_REASONS,
  useOfPort,
  workingDirectory,
} from '@ports/core'
import type { Context } from '../Context.js'
import { nameOfProcess } from '../nameOfProcess.js'
import { type Command, startChild } from './child.js'
import { devScript, typedCommand, writtenCommand } from './commandOf.js'
import { environmentWith, variablesOf } from './environment.js'
import { type Here, here } from './here.js'
import { type Finding, watchListeners } from './proof.js'

interface Options {
  readonly strict?: true | undefined
  readonly reuse?: true | undefined
}

/** A command that --strict ended. */
const NOT_AS_ASKED = 1

/** Runs a command on the port of its service. Ends with the status of the command. */
export async function run(
  context: Context,
  typedService: string | undefined,
  { strict, reuse }: Options,
): Promise<void> {
  const { openManager, signal, wrapped } = context
  const directory = workingDirectory()
  const place = here(directory, typedService)
  const { project, request, serviceName } = place
  const ports = await openManager()
  const ensured = await ensureProject(ports, request, { signal })
  const { instance } = ensured.checkout
  const [port] = ensured.services.find((each) => each.serviceName === serviceName)!.portNumbers
  const protocol = request.services[serviceName]?.protocols?.[0] ?? 'tcp'
  tellWhatIsNew(context, place, ensured, port!)

  if (await isRunning(context, place, port!, protocol, reuse === true)) return

  const variables = variablesOf({ ...project, services: ensured.services, serviceName, instance })
  const environment = environmentWith(variables, context.environment)
  const target = { port: port!, host: environment.HOST! }
  const line = request.services[serviceName]?.command
  const command =
    wrapped && wrapped.length > 0
      ? typedCommand(wrapped, directory, target)
      : line === undefined
        ? devScript(directory, target)
        : writtenCommand(line, project.root, target)
  if (!command) throw nothingToRun(place)

  context.handOver()
  const cwd = wrapped || line === undefined ? directory : project.root
  context.endWith(await supervise(context, ports, command, cwd, environment, place, port!, strict))
}

async function supervise(
  { output }: Context,
  ports: PortManager,
  command: Command,
  cwd: string,
  environment: NodeJS.ProcessEnv,
  place: Here,
  port: number,
  strict: true | undefined,
): Promise<number> {
  const protocol = place.request.services[place.serviceName]?.protocols?.[0] ?? 'tcp'
  const over = new AbortController()
  const child = startChild(command, cwd, environment, (reason) =>
    output.notice(`error: ${command.program} cannot be started: ${reason}`),
  )
  let isRefused = false
  const tell = async (finding: Finding) => {
    output.notice(await textOf(finding, port, protocol, ports))
    if (strict && finding.found !== 'right' && finding.found !== 'unseen') {
      isRefused = true
      child.end()
    }
  }
  const watch = child.pid && watchListeners(child.pid, port, protocol, tell, over.signal)
  const status = await child.ended
  over.abort()
  await watch
  return isRefused ? NOT_AS_ASKED : status
}

function tellWhatIsNew(
  { output }: Context,
  { project, serviceName }: Here,
  { checkout, createdRange, services, skipped }: EnsuredProject,
  port: number,
): void {
  const { projectName, namedBy } = project
  if (createdRange) {
    output.notice(`Created the range ${nameOfRange(createdRange)} for ${projectName}.`)
  }
  for (const each of skipped) {
    output.notice(`Skipped ${each.portNumber}: ${SKIP_REASONS[each.reason]}.`)
  }
  const name = checkout.instance === '' ? '' : `@${checkout.instance}`
  const isNew = services.some((each) => each.serviceName === serviceName && each.created)
  const origin = namedBy === PROJECT_FILE ? '' : ` (named by ${namedBy})`
  output.notice(
    `${projectName}/${serviceName}${name}${origin} has port ${port}` +
      `${isNew ? ', allocated just now' : ''}.`,
  )
}

/** Whether it runs already, and that is what is wanted. */
async function isRunning(
  { output }: Context,
  { project, serviceName }: Here,
  port: number,
  protocol: Protocol,
  reuse: boolean,
): Promise<boolean> {
  const use = await useOfPort(port, protocol)
  if (!use?.isInUse) return false
  const own = use.processes.find(
    ({ directory }) => directory !== undefined && isInside(directory, project.root),
  )
  const [other] = use.processes
  if (own && reuse) {
    output.notice(`${serviceName} is running already: ${nameOfProcess(own)}.`)
    output.result({ port, pid: own.pid, url: urlOf(port) }, () => urlOf(port))
    return true
  }
  if (own) {
    throw new PortsError(
      'PORT_IN_USE',
      `${serviceName} is running already: ${nameOfProcess(own)} listens on port ` +
        `${port}, ${urlOf(port)}. Use that one (--reuse), or end it first.`,
      { portNumber: port, ...own },
    )
  }
  const who = other
    ? `${nameOfProcess(other)} in ${other.directory ?? 'a directory that cannot be seen'}`
    : 'a process of another user'
  throw new PortsError(
    'PORT_IN_USE',
    `Port ${port} is held by ${serviceName}, but ${who} listens on it. Nothing was started. Find ` +
      'out what that is, and end it if it is yours; or release the port and run this again, ' +
      'which allocates another one.',
    { portNumber: port, ...other },
  )
}

function nothingToRun({ project, serviceName }: Here): PortsError {
  return new PortsError(
    'INVALID_ARGUMENT',
    `There is no command to run: ${PROJECT_FILE} has none for ${serviceName}, and package.json has ` +
      'no dev script. Name one after --.',
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
      return `Listening on port ${port}: ${urlOf(port)}`
    case 'wrong-port': {
      const holders = await Promise.all(
        finding.ports.map((each) => holderOf(each, protocol, ports)),
      )
      const where = finding.ports.map((each, nth) => `${each}${holders[nth]}`).join(', ')
      return (
        `warning: it listens on ${where}, and not on ${port}. Its number has to come from ` +
        'PORT, or from a flag.'
      )
    }
    case 'wrong-family':
      return (
        `warning: it listens on port ${port} of ${finding.addresses.join(', ')} only. A client ` +
        'that connects over IPv4 does not find it.'
      )
    case 'nothing':
      return `warning: after ${finding.seconds} s it listens on no port. ${port} is the one it was given.`
    case 'unseen':
      return `This system does not show whether it listens on ${port}.`
  }
}

/** Whose number it is. */
async function holderOf(portNumber: number, protocol: Protocol, ports: PortManager) {
  const held = await ports.listAll({ portNumber, hostname: ports.scope().hostname })
  const holder = held.find((each) => each.protocol === protocol)
  return holder ? `, which ${holder.projectName}/${holder.serviceName} holds` : ''
}

function urlOf(port: number): string {
  return `http://localhost:${port}`
}
