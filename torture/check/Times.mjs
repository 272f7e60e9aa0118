import { FOREVER } from './histories.mjs'

/** @typedef {import('./intervals.mjs').Interval} Interval */

/** When something was there. Told in the order of time. */
export class Times {
  #times = /** @type {Interval[]} */ ([])
  #from = /** @type {number | undefined} */ (undefined)

  get isOpen() {
    return this.#from !== undefined
  }

  /** @param {number} time */
  begin(time) {
    this.#from ??= time
  }

  /** @param {number} time */
  end(time) {
    if (this.#from !== undefined) this.#times.push({ from: this.#from, until: time })
    this.#from = undefined
  }

  all() {
    this.end(FOREVER)
    return this.#times
  }
}
