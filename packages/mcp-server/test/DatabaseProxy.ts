import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Stands between a server under test and its database, and can be down. */
export class DatabaseProxy {
  readonly #socketPath: string
  readonly #database: string
  readonly #connections = new Set<Socket>()
  #server: Server | undefined
  #port = 0

  /** @param url of a database behind a Unix socket */
  constructor(url: string) {
    const { pathname, searchParams } = new URL(url)
    this.#socketPath = `${searchParams.get('host')}/.s.PGSQL.5432`
    this.#database = pathname
  }

  get url(): string {
    return `postgresql://ports@127.0.0.1:${this.#port}${this.#database}`
  }

  /** On the same port as before. */
  async up(): Promise<void> {
    this.#server = createServer((client) => {
      const database = connect(this.#socketPath)
      for (const [from, to] of [
        [client, database],
        [database, client],
      ] as const) {
        this.#connections.add(from)
        from.pipe(to)
        from.on('error', () => {})
        from.on('close', () => to.destroy())
      }
    }).listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Cuts what is connected, and refuses more. */
  async down(): Promise<void> {
    const server = this.#server!
    server.close()
    for (const connection of this.#connections) connection.destroy()
    this.#connections.clear()
    await once(server, 'close')
  }
}
