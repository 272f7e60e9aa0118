import { setTimeout as sleep } from 'node:timers/promises'
import { PortsError } from '@ports/core'
import pg, { type PoolClient, type PoolConfig } from 'pg'
import { isNotRunning } from './embedded/serverConnection.js'
import { damaged, isDamage } from './sqlState.js'

/** SQLSTATE of too_many_connections. */
const TOO_MANY_CONNECTIONS = '53300'
const TURN_TIMEOUT_MS = 10_000
/** The average pause between two attempts. */
const TURN_PAUSE_MS = 50

/** The registry's own server. */
interface EmbeddedServer {
  readonly dataDirectory: string
  start(): Promise<unknown>
}

type ConnectCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  release: (destroy?: Error | boolean) => void,
) => void

/**
 * A pool that reports a failed connection as a `PortsError`, which means that nothing was sent. A
 * pool of the embedded server starts that server for the first connection, and again for the first
 * one after the server was stopped or killed. It adds no cost while the server runs.
 */
export class RegistryPool extends pg.Pool {
  readonly #embedded: EmbeddedServer | undefined
  #starting: Promise<unknown> | undefined

  constructor(config: PoolConfig, embedded?: EmbeddedServer) {
    super(config)
    this.#embedded = embedded
    // A broken connection also emits an event, which would end the process if it had no listener.
    // The call that was using the connection fails by itself, and the pool has already dropped an
    // idle one.
    this.on('connect', (client) => client.on('error', () => {}))
    this.on('error', () => {})
  }

  /** The data directory of the embedded server. */
  get dataDirectory(): string {
    return this.#embedded!.dataDirectory
  }

  get #hint(): string {
    return this.#embedded === undefined
      ? 'PORTS_DATABASE_URL, or databaseUrl in a settings file, names its server.'
      : `Its files are in ${this.#embedded.dataDirectory}.`
  }

  // pg-pool's own query(), and therefore Prisma, calls this with a callback.
  override connect(): Promise<PoolClient>
  override connect(callback: ConnectCallback): void
  override connect(callback?: ConnectCallback): Promise<PoolClient> | undefined {
    const connected = this.#connect().then(keptWhenRefused)
    if (!callback) return connected
    connected.then(
      (client) => callback(undefined, client, (destroy) => client.release(destroy)),
      (error) => callback(error, undefined, () => {}),
    )
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.#connectInTurn()
    } catch (error) {
      if (this.#embedded === undefined || !isNotRunning(error)) {
        throw notConnected(error, this.#hint)
      }
    }
    await this.#start(this.#embedded)
    return this.#connectInTurn().catch((error) => {
      throw notConnected(error, this.#hint)
    })
  }

  /** Calls that need the server at the same time share one start, which has a lock of its own. */
  #start(embedded: EmbeddedServer): Promise<unknown> {
    this.#starting ??= embedded.start().finally(() => {
      this.#starting = undefined
    })
    return this.#starting
  }

  /** Waits for a connection while the server has reached its limit. */
  async #connectInTurn(): Promise<PoolClient> {
    const giveUpAt = performance.now() + TURN_TIMEOUT_MS
    for (;;) {
      try {
        return await super.connect()
      } catch (error) {
        const isFull = (error as { code?: string }).code === TOO_MANY_CONNECTIONS
        if (!isFull || performance.now() > giveUpAt) throw error
      }
      await sleep(Math.random() * 2 * TURN_PAUSE_MS)
    }
  }
}

/**
 * The server reports a refusal before the transaction has ended, and pg-pool's query() then
 * discards the connection. The caller's next call would use another connection, and could find what
 * the refused call touched still locked. On the same connection it waits for the transaction to
 * end.
 */
function keptWhenRefused(client: PoolClient): PoolClient {
  const { release } = client
  client.release = (destroy) => {
    const isRefusal = (destroy as { severity?: string } | undefined)?.severity === 'ERROR'
    release(isRefusal ? undefined : destroy)
  }
  return client
}

/** Nothing was sent, whatever the reason (network, password, certificate, no such database). */
function notConnected(cause: unknown, hint: string): PortsError {
  if (cause instanceof PortsError) return cause
  const reason = cause instanceof Error ? reasonOf(cause) : String(cause)
  if (isDamage((cause as { code?: string }).code)) return damaged(reason, cause)
  // pg-pool says "timeout exceeded" if all its connections are in use for too long.
  const isServerFull = (cause as { code?: string }).code === TOO_MANY_CONNECTIONS
  if (isServerFull || reason.startsWith('timeout exceeded')) {
    return new PortsError(
      'BUSY',
      `All connections to the database are in use${isServerFull ? ` (${reason})` : ''}. Nothing ` +
        'was changed; try again.',
      {},
      { cause },
    )
  }
  // PgBouncer refuses a startup parameter that it does not pass on, such as statement_timeout.
  const advice = reason.startsWith('unsupported startup parameter')
    ? 'Behind PgBouncer, PORTS_DATABASE_URL needs the parameter pgbouncer=true.'
    : hint
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `The database cannot be reached (${reason}). Nothing was changed. ${advice}`,
    {},
    { cause },
  )
}

/** If every address of a name refused, Node's error has no message. */
function reasonOf(error: Error): string {
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message
  return error.errors.map((each: Error) => each.message).join(', ')
}
