import type { CallOptions } from '../CallOptions.js'
import type { Checkout } from '../CheckoutStore.js'
import type { PortAllocation } from '../PortAllocation.js'
import type { PortManager } from '../PortManager.js'
import type { ListeningProcess } from '../processes/listeningProcesses.js'
import { currentPlace } from './currentPlace.js'

/** A port held by an instance whose directory is gone. */
export interface LeftPort extends PortAllocation {
  /** `unknown` if this process cannot tell. */
  readonly verdict: 'listening' | 'not-listening' | 'unknown'
  /** The processes that listen there and that this one may inspect. */
  readonly processes: readonly ListeningProcess[]
}

export interface GoneCheckout {
  readonly checkout: Checkout
  /**
   * The ports of its instance. Of the primary instance, only those allocated from the directory.
   */
  readonly ports: readonly LeftPort[]
  /** The other ports of the primary instance, which may be in use without the directory. */
  readonly others: readonly PortAllocation[]
}

/**
 * The checkouts on this host whose directories are gone, with their ports. A directory that was moved
 * is not gone if it is found beside where it was. Changes nothing.
 */
export async function goneCheckouts(
  ports: PortManager,
  { projectName, signal }: { readonly projectName?: string } & CallOptions = {},
): Promise<GoneCheckout[]> {
  const call = signal ? { signal } : {}
  const { hostname } = ports.scope()
  const project = projectName === undefined ? {} : { projectName }
  const recorded = await ports.listCheckouts({ ...project, ...call, hostname })
  const gone: GoneCheckout[] = []
  for (const checkout of recorded.filter((it) => currentPlace(it) === undefined)) {
    const held = await ports.listByProject(checkout.projectName, { ...call, hostname })
    const ofInstance = held.filter(({ instance }) => instance === checkout.instance)
    const isOwn = ({ id }: PortAllocation) =>
      checkout.instance !== '' || checkout.allocationIds.includes(id)
    const left: LeftPort[] = []
    for (const port of ofInstance.filter(isOwn)) {
      left.push({ ...port, ...(await look(ports, port, call)) })
    }
    gone.push({ checkout, ports: left, others: ofInstance.filter((port) => !isOwn(port)) })
  }
  return gone
}

async function look(
  ports: PortManager,
  { portNumber, protocol }: PortAllocation,
  call: CallOptions,
): Promise<Pick<LeftPort, 'verdict' | 'processes'>> {
  const { verdict } = await ports.inspectPort(portNumber, undefined, protocol, call)
  const isFree = verdict === 'not-listening'
  const use = isFree ? undefined : await ports.useOfPort(portNumber, { protocol, ...call })
  return { verdict, processes: use?.processes ?? [] }
}
