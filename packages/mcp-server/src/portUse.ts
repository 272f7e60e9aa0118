import {
  type AttributedProcess,
  type CallOptions,
  directoryText,
  distinctServers,
  type Explanation,
  isDecisive,
  nameOfOwner,
  nameOfService,
  type PortManager,
  type ServiceKey,
} from '@ports/core'
import { z } from 'zod'
import { shownCommand } from './shownCommand.js'

/** A server may have many processes that share its socket. */
const MAX_SHOWN = 5

const UNKNOWN = 'unknown process'

/** Every model pays for the bytes of a schema. Each listener also has the addresses, if they are known. */
const listener = z.looseObject({
  pid: z.number().optional(),
  command: z.string(),
  directory: z.string().optional(),
  isService: z.boolean().optional().describe("The service's own; absent: unknown"),
})

interface Listener extends z.output<typeof listener> {
  readonly addresses?: readonly string[]
}

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
  if (!use.isInUse) return { note: ' Nothing listens there now.', listening: false }
  const { explained } = use
  const unknown = explained ? unknownBeside(explained) : { command: UNKNOWN }
  const listeners = [...(explained?.processes.map(listenerOf) ?? []), ...(unknown ? [unknown] : [])]
  return {
    note: explained ? noteOf(explained, held) : ` ${HIDDEN} listens there. ${leave(held, port)}`,
    listening: true,
    listeners: listeners.slice(0, MAX_SHOWN),
  }
}

async function look(manager: PortManager, held: ServiceKey, port: number, { signal }: CallOptions) {
  const { hostname, protocol } = held
  const use = await manager.useOfPort(port, { hostname, protocol, signal })
  if (!use) return undefined
  const { isInUse, processes } = use
  if (!isInUse || processes.length === 0) return { isInUse, explained: undefined }
  const explained = await manager.explainPort(port, { hostname, protocol, signal })
  // All of them may have ended since.
  return { isInUse, explained: explained.processes.length > 0 ? explained : undefined }
}

function listenerOf(process: AttributedProcess): Listener {
  const { pid, command, addresses, whose } = process
  const directory = directoryText(process)
  const isService = whose === 'unattributed' ? undefined : whose === 'holder'
  return { pid, command: shown(command), directory, addresses, isService }
}

/** What listens beside the processes that can be seen. */
function unknownBeside({
  listeners,
  processes,
  hasUnknownProcess,
}: Explanation): Listener | undefined {
  if (!hasUnknownProcess) return undefined
  const addresses = listeners
    .filter(({ whose }) => whose === 'unattributed')
    .map(({ address }) => address)
    .filter((address) => !processes.some((each) => each.addresses.includes(address)))
  return { command: UNKNOWN, ...(addresses.length > 0 && { addresses }) }
}

const HIDDEN = 'An unknown process, hidden from this server,'

function noteOf(explained: Explanation, held: ServiceKey): string {
  const { processes, listeners } = explained
  const servers = distinctServers(processes.filter((each) => isDecisive(each, listeners)))
  const [main = processes[0]!, ...others] = servers
  const more = processes.length - others.length - 1
  return [
    '',
    `${describe(main, explained, more)} listens there.`,
    main.whose === 'holder'
      ? 'The service seems to be running already: use it, and do not start a second one.'
      : leave(held, explained.port, main),
    ...others.map(
      (each) =>
        `${describe(each, explained, 0)} also listens there, on ${each.addresses.join(', ')}. ` +
        'Leave it alone unless you started it.',
    ),
    ...(explained.hasUnknownProcess ? [`${HIDDEN} also listens there.`] : []),
  ].join(' ')
}

function describe(process: AttributedProcess, { holder }: Explanation, more: number): string {
  const { pid, command, whose, owner } = process
  const directory = directoryText(process)
  const name = `Process ${pid} (${shown(command)})${more > 0 ? ` (and ${more} more)` : ''}`
  const place = directory === undefined ? name : `${name} in ${directory}`
  if (owner?.serviceName !== undefined) return `${place}, which is ${nameOfOwner(owner)}'s,`
  if (directory === undefined || whose === 'unattributed') return place
  const home = holder?.directory ? ` (${holder.directory})` : ''
  return `${place}, ${whose === 'holder' ? "the service's directory" : `not the service's directory${home}`},`
}

/** @param process undefined if it cannot be seen */
function leave(held: ServiceKey, port: number, process?: AttributedProcess): string {
  return (
    (process?.whose === 'stranger'
      ? 'Leave'
      : `If that is ${nameOfService(held)}, use it. Otherwise leave`) +
    ` the process alone unless you started it. For another number, call release-port with ` +
    `portNumber ${port}, then get-port, which passes over numbers in use.`
  )
}

function shown(command: string | undefined): string {
  return command === undefined ? UNKNOWN : shownCommand(command)
}
