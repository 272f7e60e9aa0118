import { FOREVER } from './histories.js'
import type { Interval } from './intervals.js'

/** When something was there. Told in the order of time. */
export class Times {
  #times: Interval[] = []
  #from: number | undefined

  get isOpen() {
    return this.#from !== undefined
  }

  begin(time: number) {
    this.#from ??= time
  }

  end(time: number) {
    if (this.#from !== undefined) this.#times.push({ from: this.#from, until: time })
    this.#from = undefined
  }

  all() {
    this.end(FOREVER)
    return this.#times
  }
}
