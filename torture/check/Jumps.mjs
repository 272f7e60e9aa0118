// When the clock of the server may have jumped. Nothing that it decides then is judged by the time.
import { existsSync, readFileSync } from 'node:fs'

/** @typedef {import('./intervals.mjs').Interval} Interval */

/** The file of the jumps, beside the histories: a line `<from µs> <until µs>` for each. */
export const JUMPS = 'jumps.txt'

export class Jumps {
  #all

  /** @param {readonly Interval[]} all */
  constructor(all) {
    this.#all = all
  }

  /** @param {string} path of their file */
  static read(path) {
    if (!existsSync(path)) return new Jumps([])
    const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
    return new Jumps(
      lines.map((line) => {
        const [from, until] = line.split(' ')
        return { from: Number(from), until: Number(until) }
      }),
    )
  }

  /**
   * What certainly lasts until then by the clock: until when it certainly does.
   * @param {Interval} time
   */
  certainUntil({ from, until }) {
    const met = this.#all.filter((jump) => jump.from < until && jump.until > from)
    return met.reduce((first, jump) => Math.min(first, jump.from), until)
  }

  /**
   * Whether the clock may have jumped meanwhile.
   * @param {Interval} time
   */
  isDuring({ from, until }) {
    return this.#all.some((jump) => jump.from <= until && jump.until >= from)
  }
}
