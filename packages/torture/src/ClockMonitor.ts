import { appendFileSync } from 'node:fs'
import type { Server } from '@ports/testkit'
import { now } from './workload.js'

const EVERY_MS = 250
/** Smaller differences are the jitter of the query. */
const JUMPED_US = 50_000
/** Each process of a server with a fake clock reads it every second. */
const SEEN_AFTER_US = 2_000_000

/**
 * Polls the time of the server and records when its clock may have jumped: from the last poll
 * before the jump to the first one after it.
 */
export class ClockMonitor {
  #server: Server
  #path: string
  #timer
  #isAsking = false
  #last: { from: number; until: number; at: number } | undefined

  /** @param path the file of the jumps */
  constructor(server: Server, path: string) {
    this.#server = server
    this.#path = path
    this.#timer = setInterval(() => this.#look(), EVERY_MS).unref()
  }

  /** Polls once more. The server must be running. */
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
        'select extract(epoch from clock_timestamp())::float8 * 1e6 as time',
      )
      const end = now()
      // The offset of the server's clock to the clock of the histories.
      const ahead = { from: row.time - end - JUMPED_US, until: row.time - at + JUMPED_US }
      if (this.#last && (ahead.from > this.#last.until || ahead.until < this.#last.from)) {
        appendFileSync(this.#path, `${this.#last.at - SEEN_AFTER_US} ${end + SEEN_AFTER_US}\n`)
      }
      this.#last = { ...ahead, at }
    } catch {
      // The next poll finds a jump that happened while the server was down.
    } finally {
      this.#isAsking = false
    }
  }
}
