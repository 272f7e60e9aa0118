import { startDatabase, stopDatabase } from '@ports/db'
import { Server } from './Server.js'

/** The server that the registry brings itself. The first caller after a crash starts it. */
export class EmbeddedServer extends Server {
  readonly #home: string

  /** @param home the registry home, also of this process and of those that it starts */
  constructor(home: string) {
    super()
    this.#home = home
  }

  async start() {
    process.env.PORTS_HOME = this.#home
    const { dataDirectory, socketDirectory, serverVersion } = await startDatabase({
      notify: () => {},
    })
    this.dataDirectory = dataDirectory!
    this.socketDirectory = socketDirectory!
    this.version = `${serverVersion} (embedded)`
  }

  override startAgain() {
    return this.start()
  }

  async stop() {
    process.env.PORTS_HOME = this.#home
    await stopDatabase()
  }
}
