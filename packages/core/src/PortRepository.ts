import type { AllocationStore } from './AllocationStore.js'
import type { BatchStore } from './BatchStore.js'
import type { CallerDefaults } from './CallerDefaults.js'
import type { CheckoutStore } from './CheckoutStore.js'
import type { CheckStore } from './CheckStore.js'
import type { EventStore } from './EventStore.js'
import type { LimitStore } from './LimitStore.js'
import type { ProcessStore } from './ProcessStore.js'
import type { RangeStore } from './RangeStore.js'
import type { ReservationStore } from './ReservationStore.js'
import type { TransferStore } from './TransferStore.js'

/**
 * The methods of a store that `PortManager` needs. Arguments arrive validated and normalised. Every
 * method that names a project throws `PROJECT_NOT_FOUND` if it has no range, except `find`,
 * `createRange`, `addRange`, `createNextRange`, `ensureRange`, `importPorts`, `listCheckouts`,
 * `forgetCheckout` and `history`. Every method throws `DATABASE_UNAVAILABLE` if there is no
 * connection and nothing was changed, and `OUTCOME_UNKNOWN` if a write was sent and no answer came.
 * `@ports/core/testing` holds the suite that every store must pass.
 */
export interface PortRepository
  extends AllocationStore,
    BatchStore,
    RangeStore,
    ReservationStore,
    LimitStore,
    CheckoutStore,
    CheckStore,
    ProcessStore,
    EventStore,
    TransferStore {
  /** The settings for the store's callers on this machine. */
  readonly defaults?: CallerDefaults

  /** Closes the connections, when no call is under way. Repeatable. */
  close(): Promise<void>
}
