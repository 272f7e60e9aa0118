// The times at which the clock of the server may have jumped. Decisions of the server at these
// times are not checked against the time.

import { existsSync, readFileSync } from 'node:fs'
import type { Interval } from './intervals.js'

/** The file of the jumps in the directory of the histories. Each line is `<from µs> <until µs>`. */
export const JUMPS = 'jumps.txt'

export class Jumps {
  #all: readonly Interval[]

  constructor(all: readonly Interval[]) {
    this.#all = all
  }

  /** @param path the file of the jumps */
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

  /** Returns until when a period of the server's clock certainly lasts. */
  certainUntil({ from, until }: Interval) {
    const met = this.#all.filter((jump) => jump.from < until && jump.until > from)
    return met.reduce((first, jump) => Math.min(first, jump.from), until)
  }

  /** Returns whether the clock may have jumped during this time. */
  isDuring({ from, until }: Interval) {
    return this.#all.some((jump) => jump.from <= until && jump.until >= from)
  }
}
