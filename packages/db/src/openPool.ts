import type pg from 'pg'
import { type DatabaseOptions, databaseUrl, isBehindPgBouncer } from './databaseUrl.js'
import { ensureRunning, existingData, requiredData } from './embedded/embeddedPostgres.js'
import { DATABASE_ROLE, roleOfCallers } from './embedded/roles.js'
import { connectionOf } from './embedded/serverConnection.js'
import { RegistryPool } from './RegistryPool.js'

const POOL: pg.PoolConfig = {
  application_name: 'ports',
  max: 10,
  // Lets a program end without closing the pool first.
  allowExitOnIdle: true,
  connectionTimeoutMillis: 10_000,
  // The longest call, an audit of all possible ports, takes seconds. A server that does not answer
  // for this long is gone.
  query_timeout: 30_000,
  keepAlive: true,
}

interface PoolOptions extends DatabaseOptions {
  /** Called if this process starts the embedded server. */
  readonly onLaunch?: () => void
  /** Starts the embedded server when a connection needs it. Default: `ensureRunning`. */
  readonly start?: () => Promise<unknown>
}

/**
 * Shorter than the caller's own time limit, so that the server ends a statement before its caller
 * gives up. A pooler refuses this parameter in the connection's startup message. Behind a pooler,
 * `ports db grant` sets it for the role.
 */
export const STATEMENT_TIMEOUT_MS = 25_000

/** Connects to nothing yet, but makes the embedded server if it was never made. */
export function openPool(options: PoolOptions): Promise<RegistryPool> {
  return open(options, roleOfCallers)
}

/**
 * As `openPool`. Its connections to the embedded server are those of the superuser, for which the
 * server keeps some when callers use all others.
 */
export function openManagementPool(options: PoolOptions): Promise<RegistryPool> {
  return open(options, () => DATABASE_ROLE)
}

async function open(
  options: PoolOptions,
  roleFor: (data: string) => string,
): Promise<RegistryPool> {
  const url = databaseUrl(options)
  if (url !== undefined) {
    const limit = isBehindPgBouncer(url) ? {} : { statement_timeout: STATEMENT_TIMEOUT_MS }
    return new RegistryPool({ ...POOL, ...limit, connectionString: url })
  }

  const { create = true, notify = () => {}, onLaunch = () => {} } = options
  const make = () => ensureRunning(notify, onLaunch)
  const data = create ? ((await existingData()) ?? (await make())) : await requiredData()
  const connection = connectionOf(data, roleFor(data))
  const config = { ...POOL, statement_timeout: STATEMENT_TIMEOUT_MS, ...connection }
  return new RegistryPool(config, { dataDirectory: data, start: options.start ?? make })
}
