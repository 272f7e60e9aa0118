import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { exited } from '../childProcess.js'
import type { Command } from './Peer.js'

const START_TIMEOUT_MS = 20_000

/** The server of a peer. It is restarted when it exits by itself, as a supervisor would do. */
export class Daemon {
  /** How often it exited by itself. */
  crashes = 0
  #child: ChildProcess | undefined
  #stopped = false

  static async start(command: Command, isUp: () => Promise<boolean>, signal: AbortSignal) {
    const daemon = new Daemon(command, isUp, signal)
    daemon.#launch()
    await daemon.#untilUp()
    return daemon
  }

  private constructor(
    private readonly command: Command,
    private readonly isUp: () => Promise<boolean>,
    private readonly signal: AbortSignal,
  ) {}

  /** Kills it as the kernel would when memory is short, and waits for its successor. */
  async kill() {
    const child = this.#child!
    this.crashes -= 1
    child.kill('SIGKILL')
    await exited(child)
    await this.#untilUp()
  }

  async stop() {
    this.#stopped = true
    this.#child?.kill('SIGKILL')
    if (this.#child) await exited(this.#child)
  }

  #launch() {
    const { command, args, env, cwd } = this.command
    this.#child = spawn(command, args, { env, cwd, signal: this.signal, stdio: 'ignore' })
    this.#child.once('error', () => {})
    this.#child.once('exit', () => {
      if (this.#stopped) return
      this.crashes += 1
      this.#launch()
    })
  }

  async #untilUp() {
    const giveUpAt = Date.now() + START_TIMEOUT_MS
    while (!(await this.isUp())) {
      if (Date.now() > giveUpAt) throw new Error('its server does not answer')
      await sleep(20)
    }
  }
}
