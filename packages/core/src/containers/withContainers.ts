import type { Protocol } from '../PortAllocation.js'
import type { ListeningProcess, PortUse } from '../processes/listeningProcesses.js'
import type { Container } from './Container.js'
import { containerOf } from './containerOf.js'
import { publisherOf, publishersBySocket } from './publisherOf.js'

/** The use of a port, with the containers of its sockets and processes. */
export function withContainers(
  use: PortUse,
  port: number,
  protocol: Protocol,
  containers: readonly Container[],
): PortUse {
  if (containers.length === 0) return use
  const bySocket = publishersBySocket(containers, { port, protocol }, use.listeners)
  const listeners = use.listeners.map((each) => {
    const container = bySocket.get(each)
    return container ? { ...each, container } : each
  })
  const [publisher] = use.isInUse
    ? bySocket.values()
    : [publisherOf(containers, { port, protocol })?.container]
  return {
    ...use,
    isInUse: use.isInUse || publisher !== undefined,
    listeners,
    processes: use.processes.map((process) => {
      const own = listeners.find((each) => each.container && each.pids.includes(process.pid))
      return inContainer(process, own?.container ?? containerOf(process.pid, containers))
    }),
    ...(publisher && { container: publisher }),
  }
}

/** A process with its container. */
function inContainer(
  process: ListeningProcess,
  container: Container | undefined,
): ListeningProcess {
  return container ? { ...process, container } : process
}
