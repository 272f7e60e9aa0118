/** Each lookup starts a process. */
const MAX_AT_ONCE = 4

/** Looks things up, a few at a time. One that fails does not keep the others from being judged. */
export class Lookups {
  readonly failures: unknown[] = []

  /** The answers, in the order of the items. */
  async of<Item, Answer>(
    items: readonly Item[],
    look: (item: Item) => Promise<Answer>,
  ): Promise<Answer[]> {
    const answers: Answer[] = []
    const queue = items.entries()
    const work = async () => {
      for (const [nth, item] of queue) {
        try {
          answers[nth] = await look(item)
        } catch (error) {
          this.failures.push(error)
        }
      }
    }
    await Promise.all(Array.from({ length: MAX_AT_ONCE }, work))
    return Object.values(answers)
  }
}
