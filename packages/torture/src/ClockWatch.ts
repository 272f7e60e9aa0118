import { appendFileSync } from 'node:fs'
import type { Server } from './server/Server.js'
import { now } from './workload.js'

const EVERY_MS = 250
/** Less than this is the jitter of asking. */
const JUMPED_US = 50_000
/** Each process of a server whose clock is set looks at it every second. */
const SEEN_AFTER_US = 2_000_000

/**
 * Asks the server for the time again and again, and writes down when its clock may have jumped: from the
 * last time at which it had not to the first time at which it had.
 */
export class ClockWatch {
  #server: Server
  #path: string
  #timer
  #isAsking = false
  #last: { from: number; until: number; at: number } | undefined

  /** @param path of the file of the jumps */
  constructor(server: Server, path: string) {
    this.#server = server
    this.#path = path
    this.#timer = setInterval(() => this.#look(), EVERY_MS).unref()
  }

  /** Looks once more, while the server runs. */
  async stop() {
    clearInterval(this.#timer)
    while (this.#isAsking) await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
    await this.#look()
  }

  async #look() {
    if (this.#isAsking) return
    this.#isAsking = true
    try {
      const at = now()
      const [row] = await this.#server.query(
        'select extract(epoch from clock_timestamp())::float8 * 1e6 as told',
      )
      const end = now()
      // How far the clock is ahead of that of the histories.
      const ahead = { from: row.told - end - JUMPED_US, until: row.told - at + JUMPED_US }
      if (this.#last && (ahead.from > this.#last.until || ahead.until < this.#last.from)) {
        appendFileSync(this.#path, `${this.#last.at - SEEN_AFTER_US} ${end + SEEN_AFTER_US}\n`)
      }
      this.#last = { ...ahead, at }
    } catch {
      // The next look finds whether the clock has jumped while the server was down.
    } finally {
      this.#isAsking = false
    }
  }
}
