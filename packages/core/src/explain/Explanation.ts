import type { RestingPort } from '../AllocationStore.js'
import type { UnreachableSocket } from '../containers/readContainers.js'
import type { Health } from '../health/Health.js'
import type { UnknownReason, Verdict } from '../listeners/Sighting.js'
import type { PortAllocation, Scope } from '../PortAllocation.js'
import type { PortEvent } from '../PortEvent.js'
import type { PortRange } from '../PortRange.js'
import type { PassOverReason } from '../passedOver/reasons.js'
import type {
  AttributedContainer,
  AttributedProcess,
  AttributedSocket,
} from '../processes/attributeUse.js'
import type { Reservation } from '../ReservationStore.js'

/** A socket on a number, and whose it is by the processes that share it. */
export type ExplainedListener = Omit<AttributedSocket, 'process' | 'container'> & {
  /** Set if nothing that has it open can be seen from here. */
  readonly isUnknown?: true
}

/** A container that publishes a number, and whose it is. */
export interface ExplainedContainer extends AttributedContainer {
  /** Those on which it does. Empty if that needs no socket of this host. */
  readonly addresses: readonly string[]
}

/** The service that holds a number. */
export interface Holder extends PortAllocation {
  /** Who allocated or claimed it, as stated by that caller. Absent if the history no longer knows. */
  readonly actor?: string
  /** The directory of its instance, if one is recorded. */
  readonly directory?: string
}

/** All that is known of one number in one scope. */
export interface Explanation extends Scope {
  readonly port: number
  /** What it all means, and the next safe step, in one sentence. */
  readonly summary: string
  /** Whether something listens there, and why that is unknown. */
  readonly verdict: Verdict
  readonly reason?: UnknownReason
  /** Nothing listens, and a TCP connection of this host has the number. */
  readonly heldBy?: 'connection'
  /** Where no registry was found, and how to name another. Without one, only the host was asked. */
  readonly noRegistry?: string
  /** The sockets there. Empty for another host. */
  readonly listeners: readonly ExplainedListener[]
  readonly processes: readonly AttributedProcess[]
  /** Something listens there whose process cannot be seen from here. Others may be seen. */
  readonly hasUnknownProcess: boolean
  /** The containers that publish the number. */
  readonly containers: readonly ExplainedContainer[]
  /**
   * The sockets of container runtimes that did not answer. A container behind one may publish the
   * number without being among the containers.
   */
  readonly unreachable: readonly UnreachableSocket[]
  /** The range that contains it. */
  readonly range?: PortRange
  readonly holder?: Holder
  /** The services that hold the number in other scopes. */
  readonly elsewhere: readonly PortAllocation[]
  readonly reservations: readonly Reservation[]
  /** Whose number it is for a while after its release. */
  readonly resting?: RestingPort
  /** Why it is not allocated automatically on this host, except because something listens there. */
  readonly passedOver?: Exclude<PassOverReason, 'busy'>
  /** What the audits of the holder saw. */
  readonly health?: Health
  /** The last changes, newest first. */
  readonly history: readonly PortEvent[]
}
