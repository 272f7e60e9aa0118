import type { Scope } from '../PortAllocation.js'
import type { ReservationScope } from '../ReservationStore.js'

/** Whether what is limited to a host or a protocol, or to neither, is about a scope. */
export function isOfScope(limited: ReservationScope, { hostname, protocol }: Scope): boolean {
  return (limited.hostname ?? hostname) === hostname && (limited.protocol ?? protocol) === protocol
}
