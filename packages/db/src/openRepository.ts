import type { PortRepository } from '@ports/core'
import { type DatabaseOptions, databaseUrl, isBehindPgBouncer } from './databaseUrl.js'
import { migratePool, readSchemaState } from './migrate.js'
import { openPool } from './openPool.js'
import { PrismaPortRepository } from './PrismaPortRepository.js'
import { migratedDifferently, notMigrated, translate } from './sqlState.js'

/**
 * Opens the registry: the database that `PORTS_DATABASE_URL` (or `url`) names, else the embedded
 * one, which is made, started, migrated and seeded as needed. Close it when done.
 * @throws {PortsError} `DATABASE_UNAVAILABLE`; `DATABASE_NOT_MIGRATED` for a database of one's own
 * that is behind, or for any that was migrated by another edition
 */
export async function openRepository(options: DatabaseOptions = {}): Promise<PortRepository> {
  const url = databaseUrl(options)
  const pool = await openPool(options)
  try {
    const { pending, different } = await readSchemaState(pool)
    if (different.length > 0) throw migratedDifferently(different)
    if (pending.length > 0) {
      if (url !== undefined) throw notMigrated()
      await migratePool(pool, true)
    }
    return new PrismaPortRepository(pool, !isBehindPgBouncer(url))
  } catch (error) {
    await pool.end()
    throw translate(error, { write: false })
  }
}
