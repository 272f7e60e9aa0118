import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, Scene } from './Fault.js'

/** Longer than a fault may take to make everything right again. */
const PATIENCE_MS = 120_000

/** Injects faults at random: several kinds at a time, one of each kind. */
export class Injector {
  /** By name: how often it was done. */
  counts
  #faults: readonly Fault[]
  #scene: Scene
  #now = new Map<Fault, Promise<void>>()
  #failures: unknown[] = []

  constructor(faults: readonly Fault[], scene: Scene) {
    this.#faults = faults
    this.#scene = scene
    this.counts = Object.fromEntries(faults.map(({ name }) => [name, 0]))
  }

  get total() {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0)
  }

  /**
   * Over when the scene is, and everything is right again.
   * @param pauseMs from one to the next, on average
   */
  async run(pauseMs: number) {
    while (!this.#scene.isOver()) {
      await this.#scene.pause(Math.random() * 2 * pauseMs)
      const fault = this.#choose()
      if (!fault || this.#scene.isOver()) continue
      this.#now.set(fault, this.#inject(fault))
      await sleep(0)
    }
    const giveUpAt = performance.now() + PATIENCE_MS
    while (this.#now.size > 0 && performance.now() < giveUpAt) await sleep(50)
    for (const { name } of this.#now.keys()) {
      this.#failures.push(new Error(`the fault ${name} does not end`))
    }
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  async #inject(fault: Fault) {
    try {
      const done = await fault.inject(this.#scene)
      if (done) this.counts[fault.name] = (this.counts[fault.name] ?? 0) + 1
    } catch (error) {
      this.#failures.push(new Error(`the fault ${fault.name} itself failed`, { cause: error }))
    } finally {
      this.#now.delete(fault)
    }
  }

  #choose() {
    const free = this.#faults.filter((fault) => !this.#now.has(fault))
    const undone = free.filter(({ name }) => this.counts[name] === 0)
    // One time in three: a run in which a fault was never done has proved nothing of it, and fails.
    const among = undone.length > 0 && Math.random() < 1 / 3 ? undone : free
    let dice = Math.random() * among.reduce((sum, { weight }) => sum + weight, 0)
    return among.find(({ weight }) => {
      dice -= weight
      return dice < 0
    })
  }
}
