import { listenersOfTree } from '@ports/core'
import { isSameCheckout } from './checkout.js'
import { type Command, commandsOf } from './commands.js'
import { type Containers, endedBy } from './ended.js'
import { Lookups } from './lookups.js'
import { type Explained, explain, linesOf } from './registry.js'
import { startedBy } from './started.js'

/** So many ports of one command are looked at, because each starts a process. */
const MAX_PORTS = 8
/** A search such as `pkill node` can find every program of a user. */
const MAX_PIDS = 100
const MAX_CONTAINERS = 20

/** Anything else ends no process and names no port. */
const MAY_MATTER = /kill|fuser|docker|podman|\d{2}/

export interface Session {
  /** The name of the registry's command. */
  readonly cli: string
  /** Where the agent works. */
  readonly directory: string
}

export interface Judged {
  /** Why the script should not run without a question. */
  readonly warnings: readonly string[]
  /** Why a part of the script could not be judged. */
  readonly failures: readonly unknown[]
}

export async function judge(script: string, session: Session): Promise<Judged> {
  if (!MAY_MATTER.test(script)) return { warnings: [], failures: [] }
  const lookups = new Lookups()
  const commands = commandsOf(script, session.directory)
  const ended = await portsEndedBy(commands, lookups)
  const started = commands.flatMap((command) =>
    startedBy(command, session.cli).map((port) => ({ port, directory: command.directory })),
  )
  const ports = [...new Set([...ended, ...started.map(({ port }) => port)])]
    .filter((port) => port >= 1 && port <= 65_535)
    .slice(0, MAX_PORTS)
  const explained = await lookups.of(ports, (port) => explain(session.cli, port))
  const warnings = explained.flatMap((each) => [
    ...(ended.includes(each.port) ? warningsOfEnd(each, session) : []),
    ...started
      .filter(({ port }) => port === each.port)
      .flatMap(({ directory }) => warningsOfStart(each, directory, session)),
  ])
  return { warnings: [...new Set(warnings)], failures: lookups.failures }
}

function warningsOfEnd(explained: Explained, { directory }: Session): string[] {
  if (explained.verdict !== 'listening' || isOwn(explained, directory)) return []
  return [`This ends a process that is not known to be this checkout's. ${explained.summary}`]
}

function warningsOfStart(
  { holder, summary, noRegistry }: Explained,
  directory: string,
  { cli }: Session,
): string[] {
  // Nothing is held where there is no registry.
  if (noRegistry !== undefined) return []
  const advice = `\`${cli} run\` starts it on its own port.`
  if (!holder) return [`This starts a server on a port that is not held. ${summary} ${advice}`]
  // Of a service that was asked for by name it is not known where it runs.
  if (holder.directory === undefined || isSameCheckout(holder.directory, directory)) return []
  return [`This starts a server on another service's port. ${summary} ${advice}`]
}

/** Whether all that listens belongs to this checkout. */
function isOwn(explained: Explained, directory: string): boolean {
  const { containers = [], processes, holder, hasUnknownProcess } = explained
  const isHolderHere = isSameCheckout(holder?.directory, directory)
  return (
    !hasUnknownProcess &&
    containers.every((each) => isSameCheckout(each.composeDirectory, directory)) &&
    processes
      // Those of the runtime run elsewhere.
      .filter(({ container }) => container === undefined || containers.length === 0)
      .every(
        (each) =>
          isSameCheckout(each.directory, directory) || (each.whose === 'holder' && isHolderHere),
      )
  )
}

/** The ports on which that listens which would be ended. */
async function portsEndedBy(commands: readonly Command[], lookups: Lookups): Promise<number[]> {
  const all = commands.map(endedBy)
  const found = await lookups.of(
    all.flatMap(({ searches }) => searches),
    pidsOf,
  )
  const pids = [...new Set([...all.flatMap((each) => each.pids), ...found.flat()])]
  const listening = await lookups.of(pids.slice(0, MAX_PIDS), (pid) => listenersOfTree(pid, 'tcp'))
  const containers = await namedContainers(
    all.flatMap((each) => each.containers),
    lookups,
  )
  const published = await lookups.of(containers.slice(0, MAX_CONTAINERS), portsOf)
  return [
    ...all.flatMap(({ ports }) => ports),
    ...listening.flatMap((each) => each?.map(({ port }) => port) ?? []),
    ...published.flat(),
  ]
}

async function pidsOf(search: readonly string[]): Promise<number[]> {
  return (await linesOf('pgrep', search)).flatMap((line) => Number.parseInt(line, 10) || [])
}

interface Container {
  readonly program: string
  readonly name: string
}

async function namedContainers(
  all: readonly Containers[],
  lookups: Lookups,
): Promise<readonly Container[]> {
  const lists = all.flatMap((each) => each.lists.map((args) => ({ ...each, args })))
  const listed = await lookups.of(lists, async ({ program, args, directory }) => ({
    program,
    names: await linesOf(program, args, directory),
  }))
  return [...all, ...listed].flatMap(({ program, names }) =>
    names.map((name) => ({ program, name })),
  )
}

async function portsOf({ program, name }: Container): Promise<number[]> {
  const lines = await linesOf(program, ['port', name])
  return lines.flatMap((line) => Number(/->.*:(\d+)$/.exec(line)?.[1]) || [])
}
