/** Tells a list of things, by key, from the one before. */
export class Changes<Thing> {
  readonly #keyOf: (thing: Thing) => string
  #known = new Map<string, Thing>()

  constructor(keyOf: (thing: Thing) => string) {
    this.#keyOf = keyOf
  }

  /** What the list has that the one before did not have, and the other way round. */
  to(things: readonly Thing[]): { readonly begun: Thing[]; readonly ended: Thing[] } {
    const before = this.#known
    this.#known = new Map(things.map((thing) => [this.#keyOf(thing), thing]))
    return {
      begun: [...this.#known].filter(([key]) => !before.has(key)).map(([, thing]) => thing),
      ended: [...before].filter(([key]) => !this.#known.has(key)).map(([, thing]) => thing),
    }
  }
}
