import type { Scope } from '../PortAllocation.js'
import type { ReservationScope } from '../ReservationStore.js'

/** Whether something that may be limited to a host or a protocol applies to a scope. */
export function isOfScope(limited: ReservationScope, { hostname, protocol }: Scope): boolean {
  return (limited.hostname ?? hostname) === hostname && (limited.protocol ?? protocol) === protocol
}
