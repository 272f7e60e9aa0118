import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, FaultContext } from './Fault.js'

/** When the run is over, the undoing of all faults must succeed within this time. */
const UNDO_TIMEOUT_MS = 120_000

/** Injects random faults. Faults of different kinds may overlap, faults of one kind do not. */
export class Nemesis {
  /** By name: the number of times the fault was injected. */
  counts
  #faults: readonly Fault[]
  #context: FaultContext
  #now = new Map<Fault, Promise<void>>()
  #failures: unknown[] = []

  constructor(faults: readonly Fault[], context: FaultContext) {
    this.#faults = faults
    this.#context = context
    this.counts = Object.fromEntries(faults.map(({ name }) => [name, 0]))
  }

  get total() {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0)
  }

  /**
   * Resolves when the run is over and all faults are undone.
   * @param pauseMs the average time between faults
   */
  async run(pauseMs: number) {
    while (!this.#context.isOver()) {
      await this.#context.pause(Math.random() * 2 * pauseMs)
      const fault = this.#choose()
      if (!fault || this.#context.isOver()) continue
      this.#now.set(fault, this.#inject(fault))
      await sleep(0)
    }
    const giveUpAt = performance.now() + UNDO_TIMEOUT_MS
    while (this.#now.size > 0 && performance.now() < giveUpAt) await sleep(50)
    for (const { name } of this.#now.keys()) {
      this.#failures.push(new Error(`the fault ${name} does not end`))
    }
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  async #inject(fault: Fault) {
    try {
      const done = await fault.inject(this.#context)
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
    // In one of three cases, a fault that has not been injected yet is preferred. A run fails
    // without all of them.
    const among = undone.length > 0 && Math.random() < 1 / 3 ? undone : free
    let dice = Math.random() * among.reduce((sum, { weight }) => sum + weight, 0)
    return among.find(({ weight }) => {
      dice -= weight
      return dice < 0
    })
  }
}
