// When the clock of the server may have jumped. Nothing that it decides then is judged by the time.

import { existsSync, readFileSync } from 'node:fs'
import type { Interval } from './intervals.js'

/** The file of the jumps, beside the histories: a line `<from µs> <until µs>` for each. */
export const JUMPS = 'jumps.txt'

export class Jumps {
  #all: readonly Interval[]

  constructor(all: readonly Interval[]) {
    this.#all = all
  }

  /** @param path of their file */
  static read(path: string) {
    if (!existsSync(path)) return new Jumps([])
    const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
    return new Jumps(
      lines.map((line) => {
        const [from, until] = line.split(' ')
        return { from: Number(from), until: Number(until) }
      }),
    )
  }

  /** What certainly lasts until then by the clock: until when it certainly does. */
  certainUntil({ from, until }: Interval) {
    const met = this.#all.filter((jump) => jump.from < until && jump.until > from)
    return met.reduce((first, jump) => Math.min(first, jump.from), until)
  }

  /** Whether the clock may have jumped meanwhile. */
  isDuring({ from, until }: Interval) {
    return this.#all.some((jump) => jump.from <= until && jump.until >= from)
  }
}
