import pg, { type PoolClient, type PoolConfig } from 'pg'
import { ensureRunning } from './embeddedPostgres.js'
import { isNotRunning } from './postmaster.js'
import type { Notify } from './serverAccount.js'

type ConnectCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  release: (destroy?: Error | boolean) => void,
) => void

/**
 * A pool whose server is started when it is needed: at the first connection, and again at the next
 * one after it was stopped or killed. A running server costs nothing extra.
 */
export class EmbeddedPool extends pg.Pool {
  readonly #notify: Notify

  constructor(config: PoolConfig, notify: Notify) {
    super(config)
    this.#notify = notify
  }

  override connect(): Promise<PoolClient>
  override connect(callback: ConnectCallback): void
  override connect(callback?: ConnectCallback): Promise<PoolClient> | undefined {
    const connected = this.#connectOnDemand()
    if (!callback) return connected
    connected.then(
      (client) => callback(undefined, client, (destroy) => client.release(destroy)),
      (error) => callback(error, undefined, () => {}),
    )
  }

  async #connectOnDemand(): Promise<PoolClient> {
    try {
      return await super.connect()
    } catch (error) {
      if (!isNotRunning(error)) throw error
      await ensureRunning(this.#notify)
      return super.connect()
    }
  }
}
