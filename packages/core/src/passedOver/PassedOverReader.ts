import { onAbort } from '../onAbort.js'
import type { Protocol } from '../PortAllocation.js'
import { lookAtHost } from './lookAtHost.js'
import type { PassedOver } from './PassedOver.js'
import { passedOverOnThisHost } from './passedOverOnHost.js'

/** Reads the numbers that are passed over on this host. */
export class PassedOverReader {
  readonly #seesServices: () => Promise<boolean>
  readonly #underWay = new Map<Protocol, Promise<PassedOver>>()

  /** @param seesServices whether this process is in the network namespace of the host's services */
  constructor(seesServices: () => Promise<boolean>) {
    this.#seesServices = seesServices
  }

  /**
   * Those of a protocol. Calls that come while a look is under way share it, so it is never older
   * than the call that began it. Nothing is kept afterwards.
   * @throws the signal's reason; what `seesServices` throws
   */
  read(protocol: Protocol, signal?: AbortSignal): Promise<PassedOver> {
    return unlessAborted(this.#underWay.get(protocol) ?? this.#begin(protocol), signal)
  }

  #begin(protocol: Protocol): Promise<PassedOver> {
    const begun = this.#look(protocol).finally(() => this.#underWay.delete(protocol))
    this.#underWay.set(protocol, begun)
    return begun
  }

  async #look(protocol: Protocol): Promise<PassedOver> {
    const [look, seesServices] = await Promise.all([lookAtHost(protocol), this.#seesServices()])
    return passedOverOnThisHost({ ...look, protocol, seesServices, platform: process.platform })
  }
}

/** Ends the wait, and not the look: others may wait for it too. */
async function unlessAborted<Result>(
  shared: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (!signal) return shared
  let forget = () => {}
  const aborted = new Promise<never>((_, reject) => {
    forget = onAbort(signal, () => reject(signal.reason))
  })
  try {
    return await Promise.race([shared, aborted])
  } finally {
    forget()
  }
}
