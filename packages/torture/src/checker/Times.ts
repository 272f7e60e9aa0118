import { FOREVER } from './histories.js'
import type { Interval } from './intervals.js'

/** The times at which something existed. Events must be added in order. */
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
