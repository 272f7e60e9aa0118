import { listenersOfTree } from '@ports/core'
import { isSameCheckout } from './checkout.js'
import { type Command, commandsOf } from './commands.js'
import { type Containers, type Ended, endedBy } from './ended.js'
import { type Explained, explain, linesOf } from './registry.js'
import { startedBy } from './started.js'

/** So many ports of one command are looked at, because each starts a process. */
const MAX_PORTS = 8
/** A search such as `pkill node` can find every program of a user. */
const MAX_PIDS = 100

/** Anything else ends no process and names no port. */
const MAY_MATTER = /kill|fuser|docker|podman|\d{2}/

export interface Session {
  /** The name of the registry's command. */
  readonly cli: string
  /** Where the agent works. */
  readonly directory: string
}

/**
 * Why a script should not run without a question.
 * @throws if that cannot be told
 */
export async function warningsOf(script: string, session: Session): Promise<string[]> {
  if (!MAY_MATTER.test(script)) return []
  const commands = commandsOf(script, session.directory)
  const warnings = await Promise.all([
    endings(commands, session),
    ...commands.map((command) => starts(command, session)),
  ])
  return [...new Set(warnings.flat())]
}

async function endings(commands: readonly Command[], session: Session): Promise<string[]> {
  const ports = await Promise.all(commands.map((command) => portsOf(endedBy(command))))
  const distinct = [...new Set(ports.flat())].slice(0, MAX_PORTS)
  const explained = await Promise.all(distinct.map((port) => explain(session.cli, port)))
  return explained
    .filter((each) => each.verdict === 'listening' && !isOwn(each, session.directory))
    .map(({ summary }) => `This ends a process that is not known to be this checkout's. ${summary}`)
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
async function portsOf({ ports, pids, searches, containers }: Ended): Promise<number[]> {
  const found = await Promise.all(searches.map(pidsOf))
  const all = [...new Set([...pids, ...found.flat()])].slice(0, MAX_PIDS)
  const listening = await Promise.all(all.map((pid) => listenersOfTree(pid, 'tcp')))
  const published = await Promise.all(containers.map(portsOfContainers))
  return [
    ...ports,
    ...listening.flatMap((each) => each?.map(({ port }) => port) ?? []),
    ...published.flat(),
  ]
}

async function pidsOf(search: readonly string[]): Promise<number[]> {
  return (await linesOf('pgrep', search)).flatMap((line) => Number.parseInt(line, 10) || [])
}

async function portsOfContainers({ program, names, lists }: Containers): Promise<number[]> {
  const listed = await Promise.all(lists.map((args) => linesOf(program, args)))
  const all = [...names, ...listed.flat()]
  const lines = await Promise.all(all.map((name) => linesOf(program, ['port', name])))
  return lines.flat().flatMap((line) => Number(/->.*:(\d+)$/.exec(line)?.[1]) || [])
}

async function starts(command: Command, { cli }: Session): Promise<string[]> {
  const { directory } = command
  const explained = await Promise.all(startedBy(command, cli).map((port) => explain(cli, port)))
  return explained.flatMap(({ holder, summary }) => {
    if (!holder) {
      return `This starts a server on a port that is not held. ${summary} \`${cli} run\` starts it on its own port.`
    }
    // Of a service that was asked for by name it is not known where it runs.
    if (holder.directory === undefined || isSameCheckout(holder.directory, directory)) return []
    return `This starts a server on another service's port. ${summary} \`${cli} run\` starts it on its own port.`
  })
}
