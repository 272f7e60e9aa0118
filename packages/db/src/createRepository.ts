import type { PortRepository } from '@ports/core'
import type { Database } from './Database.js'
import { callerDefaults } from './settings/readSettings.js'
import { allocationStore } from './store/allocations.js'
import { batchStore } from './store/batches.js'
import { checkoutStore } from './store/checkouts.js'
import { checkStore } from './store/checks.js'
import { eventStore } from './store/events.js'
import { limitStore } from './store/limits.js'
import { processStore } from './store/processes.js'
import { rangeStore } from './store/ranges.js'
import { reservationStore } from './store/reservations.js'
import { transferStore } from './store/transfers.js'

interface RepositoryOptions {
  /** Whether all callers are on the machine of the server. */
  readonly servesOneHost: boolean
}

/**
 * The registry in PostgreSQL.
 * @throws {PortsError} `INVALID_ARGUMENT` if a setting is wrong
 */
export function createRepository(
  database: Database,
  { servesOneHost }: RepositoryOptions,
): PortRepository {
  return {
    defaults: callerDefaults(),
    ...allocationStore(database),
    ...batchStore(database),
    ...rangeStore(database),
    ...reservationStore(database),
    ...limitStore(database),
    ...checkoutStore(database),
    ...checkStore(database, servesOneHost),
    ...processStore(database),
    ...eventStore(database),
    ...transferStore(database),
    close: () => database.close(),
  }
}
