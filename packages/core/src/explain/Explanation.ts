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

/** A socket on a number, with the attribution that its processes give it. */
export type ExplainedListener = Omit<AttributedSocket, 'process' | 'container'> & {
  /** Set if neither a process that has it open nor a container behind it can be seen. */
  readonly isUnknown?: true
}

/** A container that publishes a number, with its attribution. */
export interface ExplainedContainer extends AttributedContainer {
  /**
   * The addresses on which it does. Empty if it publishes the number without a socket of this host.
   */
  readonly addresses: readonly string[]
}

/** The service that holds a number. */
export interface Holder extends PortAllocation {
  /**
   * The actor that allocated or claimed it, as the caller stated. Absent if no longer in the
   * history.
   */
  readonly actor?: string
  /** The directory of its instance, if one is recorded. */
  readonly directory?: string
}

/** All that is known of one number in one scope. */
export interface Explanation extends Scope {
  readonly port: number
  /** Sentences for people: whose the number is, what listens, and the next safe step. */
  readonly summary: string
  /** Whether something listens there. */
  readonly verdict: Verdict
  /** Why the verdict is `unknown`. Absent for other verdicts. */
  readonly reason?: UnknownReason
  /** Set if nothing listens, but a TCP connection of this host has the number. */
  readonly heldBy?: 'connection'
  /**
   * Set if there is no registry: a message that says where none was found, and how to name another.
   * The explanation then contains only what this host shows.
   */
  readonly noRegistry?: string
  /** The sockets there. Empty for another host. */
  readonly listeners: readonly ExplainedListener[]
  readonly processes: readonly AttributedProcess[]
  /** Whether something listens there whose process cannot be seen. Others may be visible. */
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
  /** Set if the number rests: only the service that held it last can get it. */
  readonly resting?: RestingPort
  /** Why it is not allocated automatically on this host, except because something listens there. */
  readonly passedOver?: Exclude<PassOverReason, 'busy'>
  /** A summary of the audits of the holder. */
  readonly health?: Health
  /** The last five changes, newest first. */
  readonly history: readonly PortEvent[]
}
