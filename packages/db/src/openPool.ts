import pg, { type PoolConfig } from 'pg'
import { type DatabaseOptions, databaseUrl } from './databaseUrl.js'
import { EmbeddedPool } from './embedded/EmbeddedPool.js'
import { ensureRunning } from './embedded/embeddedPostgres.js'
import { connectionOf } from './embedded/postmaster.js'
import { dataDirectory, registryHome } from './embedded/registryHome.js'

const POOL: PoolConfig = {
  application_name: 'ports',
  max: 10,
  // A program that is done ends without closing the pool first.
  allowExitOnIdle: true,
  connectionTimeoutMillis: 10_000,
  // No call here takes a second; a server that says nothing for so long is not there any more.
  query_timeout: 30_000,
  keepAlive: true,
}

/** Connects to nothing yet, except that an embedded server that was never made is made. */
export async function openPool(options: DatabaseOptions): Promise<pg.Pool> {
  const url = databaseUrl(options)
  const pool = url === undefined ? await embeddedPool(options) : externalPool(url)
  // A connection that breaks also says so by an event, which would end the process if nobody
  // listened. The call that was using it fails by itself; one that was idle the pool has dropped.
  pool.on('connect', (client) => client.on('error', () => {}))
  pool.on('error', () => {})
  return pool
}

function externalPool(url: string): pg.Pool {
  return new pg.Pool({ ...POOL, connectionString: url })
}

async function embeddedPool({ notify = () => {} }: DatabaseOptions): Promise<pg.Pool> {
  const data = dataDirectory(registryHome()) ?? (await ensureRunning(notify))
  return new EmbeddedPool({ ...POOL, ...connectionOf(data) }, notify)
}
