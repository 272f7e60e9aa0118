import {
  findProject,
  type HostListener,
  isGone,
  isInside,
  type ListeningProcess,
  type LocalProject,
  listenersOfHost,
  nameOfService,
  nearestName,
  type PortManager,
  PortsError,
} from '@ports/core'
import type { Context } from '../Context.js'
import { nameOfProcess } from '../nameOfProcess.js'
import { DEFAULT_SERVICE, serviceHere } from '../run/here.js'
import { Findings } from './Findings.js'
import { isThisHost, portIn } from './portIn.js'

/**
 * The TCP ports of this host on which a process of a project listens. Leaves out the ports that are
 * already held, and that of the registry's own server.
 * @throws {PortsError} `UNVERIFIABLE` where the listeners cannot be seen
 */
export async function scan({ openManager, settings, signal }: Context): Promise<Findings> {
  const listeners = await listenersOfHost()
  if (!listeners) {
    throw new PortsError(
      'UNVERIFIABLE',
      'The listeners of this host cannot be seen from here: that requires the /proc of Linux or the ' +
        'lsof of macOS. Import a file instead.',
    )
  }
  const holders = await heldHere(await openManager(), signal)
  const ownPort = portOfDatabase((await settings.get('databaseUrl')).value)
  const found = new Findings()
  for (const listener of listeners) {
    if (listener.port === ownPort) continue
    const holder = holders.get(listener.port)
    if (holder === undefined) propose(listener, found)
    else found.skip(placeOf(listener), `${holder} already holds it`)
  }
  return found
}

function placeOf({ port }: HostListener): string {
  return `port ${port}`
}

/** The services that hold a TCP port, by number. Empty if there is no registry yet. */
async function heldHere(ports: PortManager, signal: AbortSignal): Promise<Map<number, string>> {
  try {
    const { hostname } = ports.scope()
    const held = await ports.listAll({ hostname, signal })
    const tcp = held.filter(({ protocol }) => protocol === 'tcp')
    return new Map(tcp.map((each) => [each.portNumber, nameOfService(each)]))
  } catch (error) {
    if (error instanceof PortsError && error.code === 'NO_REGISTRY') return new Map()
    throw error
  }
}

/** PostgreSQL's default port. */
const POSTGRES_PORT = 5432

/** Undefined if the database is on another host, or does not listen on TCP. */
function portOfDatabase(url: unknown): number | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined
  const { hostname, port, searchParams } = new URL(url)
  // In libpq and pg the parameter takes precedence; a path there is that of a Unix socket.
  return isThisHost(searchParams.get('host') ?? hostname)
    ? (portIn(port) ?? POSTGRES_PORT)
    : undefined
}

function propose(listener: HostListener, found: Findings): void {
  const { port, process } = listener
  const place = placeOf(listener)
  if (!process) {
    found.skip(place, 'its process cannot be seen from here')
    return
  }
  const who = nameOfProcess(process)
  const project = projectOf(process)
  if (typeof project === 'string') {
    found.skip(place, `${who} ${project}`)
    return
  }
  const serviceName = serviceOf(project, process)
  if (serviceName === undefined) {
    found.skip(place, `no name for a service of ${project.projectName} can be made from ${who}`)
    return
  }
  const { projectName } = project
  found.add(place, { projectName, serviceName, portNumber: port, protocol: 'tcp' })
}

/** The project in whose directory a process runs, or why it is not known. */
function projectOf({ directory, deletedDirectory }: ListeningProcess): LocalProject | string {
  if (deletedDirectory !== undefined) return `is in ${deletedDirectory}, which is gone`
  if (directory === undefined) return 'has no visible directory'
  // Not every system tells that a directory was deleted.
  if (isGone(directory)) return `is in ${directory}, which is gone`
  try {
    const project = findProject(directory)
    if (!project) return `is in ${directory}, which belongs to no project`
    if (!project.isLinked) return project
    return `is in ${project.root}, a linked worktree: ports run gives it a port of its own there`
  } catch (error) {
    if (error instanceof PortsError) return `is in ${directory}: ${error.message}`
    throw error
  }
}

/** The name of the `ports.json` service that it runs, else of its package, else of its program. */
function serviceOf(project: LocalProject, { command = '', directory }: ListeningProcess) {
  const { services } = project
  const written = Object.keys(services).filter((name) => {
    const line = services[name]!.command
    return line !== undefined && command.includes(line)
  })
  if (written.length === 1) return written[0]
  const only = serviceHere(project, directory!)
  if (Object.keys(services).length === 1) return only
  const ofPackage = serviceHere({ ...project, services: {} }, directory!)
  const isMember = ofPackage !== DEFAULT_SERVICE && isInside(directory!, project.root)
  return isMember ? ofPackage : programOf(command)
}

/** Programs that run another program, which their first argument names. */
const INTERPRETER = /^(node|nodejs|deno|bun|python[\d.]*|ruby|perl|php|sh|bash)$/
/** Their options that are followed by program text instead of a file. */
const INLINE = /^(-e|-c|-p|-pe|-r|--eval|--print)$/

function programOf(command: string): string | undefined {
  const [program = '', ...args] = command.split(' ')
  const name = nameOfFile(program)
  if (!INTERPRETER.test(name) || args.some((word) => INLINE.test(word))) return nearestName(name)
  const script = args.find((word) => !word.startsWith('-') && word !== 'run')
  return nearestName(script === undefined ? name : nameOfFile(script))
}

/** Without its directory and its extension. */
function nameOfFile(path: string): string {
  return path
    .split('/')
    .at(-1)!
    .replace(/(?<=.)\.[a-z]+$/, '')
    .replace(/:$/, '')
}
