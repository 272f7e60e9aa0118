import type { Protocol } from '../PortAllocation.js'
import type { ListeningProcess, PortUse } from '../processes/listeningProcesses.js'
import type { Container } from './Container.js'
import { containerOf } from './containerOf.js'
import { publisherOf } from './publisherOf.js'

/** The use of a port, with the containers of its processes and the one that publishes it. */
export function withContainers(
  use: PortUse,
  port: number,
  protocol: Protocol,
  containers: readonly Container[],
): PortUse {
  if (containers.length === 0) return use
  const publisher = publisherOf(containers, { port, protocol }, use.listeners)?.container
  return {
    ...use,
    isInUse: use.isInUse || publisher !== undefined,
    processes: use.processes.map((each) => inContainer(each, publisher, containers)),
    ...(publisher && { container: publisher }),
  }
}

/** A process with its container. For a published port, that is the container that publishes it. */
export function inContainer(
  process: ListeningProcess,
  publisher: Container | undefined,
  containers: readonly Container[],
): ListeningProcess {
  const container = publisher ?? containerOf(process.pid, containers)
  return container ? { ...process, container } : process
}
