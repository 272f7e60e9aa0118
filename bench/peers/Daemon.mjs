import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

const PATIENCE_MS = 20_000

/** A peer's service, started again whenever it ends by itself, as a supervisor would. */
export class Daemon {
  /** How often it ended by itself. */
  crashes = 0
  #start
  #isUp
  #child
  #stopped = false

  /**
   * @param {() => [command: string, args: string[], options: object]} start
   * @param {() => Promise<boolean>} isUp whether it answers
   */
  constructor(start, isUp) {
    this.#start = start
    this.#isUp = isUp
  }

  async start() {
    this.#launch()
    await this.#untilUp()
  }

  /** Ends it as the kernel would under memory pressure, and waits for its successor. */
  async kill() {
    const ended = once(this.#child, 'exit')
    this.crashes -= 1
    this.#child.kill('SIGKILL')
    await ended
    await this.#untilUp()
  }

  async stop() {
    this.#stopped = true
    if (!this.#child || this.#hasEnded()) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  #hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  #launch() {
    const [command, args, options] = this.#start()
    this.#child = spawn(command, args, { ...options, stdio: 'ignore' })
    this.#child.once('error', () => {})
    this.#child.once('exit', () => {
      if (this.#stopped) return
      this.crashes += 1
      this.#launch()
    })
  }

  async #untilUp() {
    const giveUpAt = Date.now() + PATIENCE_MS
    while (!(await this.#isUp())) {
      if (Date.now() > giveUpAt) throw new Error('It does not answer')
      await sleep(20)
    }
  }
}
