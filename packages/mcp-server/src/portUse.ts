import {
  type CallOptions,
  type ExplainedProcess,
  nameOfService,
  type PortManager,
  type ServiceKey,
} from '@ports/core'
import { z } from 'zod'
import { shownCommand } from './shownCommand.js'

/** A server may have many processes that share its socket. */
const MAX_SHOWN = 5

const UNKNOWN = 'unknown process'

const listener = z.object({
  pid: z.number().optional(),
  command: z.string(),
  directory: z.string().optional(),
  isService: z.boolean().optional().describe("Runs in the service's directory; absent: unknown"),
})

type Listener = z.output<typeof listener>

/** Part of the output of a tool that says what listens on a port. */
export const portUse = {
  listening: z.boolean().optional().describe('Absent: unknown'),
  listeners: z.array(listener).optional(),
}

interface PortUse {
  /** The sentences to append to the message. */
  readonly note: string
  readonly listening?: boolean
  readonly listeners?: Listener[]
}

/**
 * Returns what listens on the port of a service now, and whether that is the service. Never throws:
 * the port is already held, and the caller must get its number even if the listeners cannot be
 * seen.
 */
export async function portUseOf(
  manager: PortManager,
  held: ServiceKey,
  port: number,
  call: CallOptions,
): Promise<PortUse> {
  const use = await look(manager, held, port, call).catch(() => undefined)
  if (!use) return { note: ' Whether something listens there cannot be seen from here.' }
  const { isInUse, listeners, home } = use
  if (!isInUse) return { note: ' Nothing listens there now.', listening: false }
  return {
    note: ` ${describe(listeners, home)} ${nextStep(listeners, held, port)}`,
    listening: true,
    listeners: listeners.slice(0, MAX_SHOWN),
  }
}

async function look(manager: PortManager, held: ServiceKey, port: number, { signal }: CallOptions) {
  const { hostname, protocol } = held
  const use = await manager.useOfPort(port, { hostname, protocol, signal })
  if (!use) return undefined
  const { isInUse, processes } = use
  if (!isInUse) return { isInUse, listeners: [], home: undefined }
  if (processes.length === 0) return { isInUse, listeners: [{ command: UNKNOWN }], home: undefined }
  const explained = await manager.explainPort(port, { hostname, protocol, signal })
  return {
    isInUse,
    home: explained.holder?.directory,
    listeners: explained.processes.map(listenerOf),
  }
}

function listenerOf({ pid, command = UNKNOWN, directory, whose }: ExplainedProcess): Listener {
  const isService = whose === 'unattributed' ? undefined : whose === 'holder'
  return { pid, command: shownCommand(command), directory, isService }
}

function describe(listeners: readonly Listener[], home: string | undefined): string {
  const { pid, command, directory, isService } = mainOf(listeners)
  if (pid === undefined) return 'An unknown process, hidden from this server, listens there.'
  const more = listeners.length > 1 ? ` (and ${listeners.length - 1} more)` : ''
  const process = `Process ${pid} (${command})${more}`
  if (directory === undefined) return `${process} listens there.`
  const service = home ? ` (${home})` : ''
  const whose =
    isService === undefined
      ? ''
      : isService
        ? ", the service's directory,"
        : `, not the service's directory${service},`
  return `${process} in ${directory}${whose} listens there.`
}

function nextStep(listeners: readonly Listener[], held: ServiceKey, port: number): string {
  const { isService } = mainOf(listeners)
  if (isService) {
    return 'The service seems to be running already: use it, and do not start a second one.'
  }
  return (
    (isService === undefined
      ? `If that is ${nameOfService(held)}, use it. Otherwise leave`
      : 'Leave') +
    ` the process alone unless you started it. For another number, call release-port with ` +
    `portNumber ${port}, then get-port, which passes over numbers in use.`
  )
}

/** The most important listener: the service itself, if it is among them. */
function mainOf(listeners: readonly Listener[]): Listener {
  return listeners.find(({ isService }) => isService) ?? listeners[0]!
}
