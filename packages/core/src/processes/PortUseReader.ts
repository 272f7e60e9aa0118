import { readContainers } from '../containers/readContainers.js'
import { withContainers } from '../containers/withContainers.js'
import { InFlight } from '../InFlight.js'
import type { Listener } from '../listeners/Listeners.js'
import type { Protocol } from '../PortAllocation.js'
import { type PortUse, readSockets, useAmong } from './listeningProcesses.js'

/**
 * Reads what listens on a port of this host. Concurrent calls share one reading of the kernel's
 * table. Concurrent calls for the same port also share the search for its processes.
 */
export class PortUseReader {
  readonly #seesServices: () => Promise<boolean>
  readonly #tables = new InFlight<Protocol, readonly Listener[] | undefined>(readSockets)
  readonly #uses = new InFlight<`${Protocol}/${number}`, PortUse | undefined>(async (key) => {
    const [protocol, port] = key.split('/') as [Protocol, string]
    const sockets = await this.#tables.get(protocol)
    if (!sockets || !(await this.#seesServices())) return undefined
    const [use, { containers, unreachable }] = await Promise.all([
      useAmong(sockets, Number(port)),
      readContainers(),
    ])
    if (!use) return undefined
    return {
      ...withContainers(use, Number(port), protocol, containers),
      ...(unreachable.length > 0 && { unreachable }),
    }
  })

  /** @param seesServices whether this process is in the network namespace of the host's services */
  constructor(seesServices: () => Promise<boolean>) {
    this.#seesServices = seesServices
  }

  /**
   * Undefined if it cannot be seen from this process.
   * @throws the signal's reason, and the errors of `seesServices`
   */
  read(port: number, protocol: Protocol, signal?: AbortSignal): Promise<PortUse | undefined> {
    return this.#uses.get(`${protocol}/${port}`, signal)
  }
}
