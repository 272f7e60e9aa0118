import { InFlight } from '../InFlight.js'
import type { Protocol } from '../PortAllocation.js'
import { lookAtHost } from './lookAtHost.js'
import type { PassedOver } from './PassedOver.js'
import { passedOverOnThisHost } from './passedOverOnHost.js'

/** Reads the numbers that are passed over on this host. */
export class PassedOverReader {
  readonly #seesServices: () => Promise<boolean>
  readonly #looks = new InFlight<Protocol, PassedOver>((protocol) => this.#look(protocol))

  /** @param seesServices whether this process is in the network namespace of the host's services */
  constructor(seesServices: () => Promise<boolean>) {
    this.#seesServices = seesServices
  }

  /**
   * The numbers that are passed over for a protocol. Calls in flight share one look at the host.
   * @throws the signal's reason; what `seesServices` throws
   */
  read(protocol: Protocol, signal?: AbortSignal): Promise<PassedOver> {
    return this.#looks.get(protocol, signal)
  }

  async #look(protocol: Protocol): Promise<PassedOver> {
    const [look, seesServices] = await Promise.all([lookAtHost(protocol), this.#seesServices()])
    return passedOverOnThisHost({ ...look, protocol, seesServices, platform: process.platform })
  }
}
