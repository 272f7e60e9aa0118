import type { AllocationStore } from './AllocationStore.js'
import type { CheckStore } from './CheckStore.js'
import type { EventStore } from './EventStore.js'
import type { RangeStore } from './RangeStore.js'

/**
 * What a store must do for `PortManager`. Arguments arrive validated and normalised. Every method
 * that names a project throws `PROJECT_NOT_FOUND` where it has no range, `DATABASE_UNAVAILABLE`
 * where nothing was changed for want of a connection, and `OUTCOME_UNKNOWN` where a write was sent
 * and no answer came. `@ports/core/testing` holds the suite that every store must pass.
 */
export interface PortRepository extends AllocationStore, RangeStore, CheckStore, EventStore {
  /** Ends the connections. Repeatable. */
  close(): Promise<void>
}
