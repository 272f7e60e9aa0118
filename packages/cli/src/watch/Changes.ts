/** Compares a list of things, by key, with the one before. */
export class Changes<Thing> {
  readonly #keyOf: (thing: Thing) => string
  #known = new Map<string, Thing>()

  constructor(keyOf: (thing: Thing) => string) {
    this.#keyOf = keyOf
  }

  /** The things that only the new list has, and those that only the one before had. */
  to(things: readonly Thing[]): { readonly begun: Thing[]; readonly ended: Thing[] } {
    const before = this.#known
    this.#known = new Map(things.map((thing) => [this.#keyOf(thing), thing]))
    return {
      begun: [...this.#known].filter(([key]) => !before.has(key)).map(([, thing]) => thing),
      ended: [...before].filter(([key]) => !this.#known.has(key)).map(([, thing]) => thing),
    }
  }
}
