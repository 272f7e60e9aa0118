import type { PortRepository } from '@ports/core'
import type { PoolConfig } from 'pg'
import { createRepository } from './createRepository.js'
import { Database } from './Database.js'
import { type DatabaseOptions, databaseUrl, isBehindPgBouncer } from './databaseUrl.js'
import { existingData } from './embedded/embeddedPostgres.js'
import { roleOfCallers } from './embedded/roles.js'
import { connectionOf } from './embedded/serverConnection.js'
import { RegistryPool } from './RegistryPool.js'

const ANSWER_TIMEOUT_MS = 500

interface AnswerOptions extends DatabaseOptions {
  /** The limit for the connection, and for each answer. Default: half a second. */
  readonly answerTimeoutMs?: number
}

/**
 * The registry, for a caller that prefers no answer to a wait. It makes, starts and migrates
 * nothing, and its calls fail after a time limit. Undefined if no embedded registry was made yet.
 * If the registry does not run, the first call fails. Close it when done.
 */
export async function openWithoutWaiting({
  answerTimeoutMs = ANSWER_TIMEOUT_MS,
  ...options
}: AnswerOptions = {}): Promise<PortRepository | undefined> {
  const url = databaseUrl(options)
  const server = url === undefined ? await embeddedServer() : { connectionString: url }
  if (!server) return undefined
  const pool = new RegistryPool({
    ...server,
    application_name: 'ports',
    max: 1,
    allowExitOnIdle: true,
    connectionTimeoutMillis: answerTimeoutMs,
    query_timeout: answerTimeoutMs,
  })
  const database = new Database(pool, !isBehindPgBouncer(url))
  return createRepository(database, { servesOneHost: url === undefined })
}

async function embeddedServer(): Promise<PoolConfig | undefined> {
  const data = await existingData()
  return data === undefined ? undefined : connectionOf(data, roleOfCallers(data))
}
