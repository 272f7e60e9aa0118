import { fileURLToPath } from 'node:url'

interface Root {
  readonly uri: string
}

/** The directories that a client reports as its roots. */
export interface ToldRoot {
  /** Absent if it has no root or several. */
  readonly directory?: string
  /** Its directories, if it has several. */
  readonly several?: readonly string[]
  /** Set if the client did not answer in time. It may then work anywhere. */
  readonly isLate?: true
}

/**
 * The directory in which the client works, if it has exactly one. The client is asked when a call
 * first needs it, and again after the client has said that its roots changed.
 */
export class ClientRoot {
  readonly #askRoots: () => Promise<readonly Root[] | undefined>
  #asked: Promise<ToldRoot> | undefined

  /** @param askRoots returns undefined if the client does not answer in time */
  constructor(askRoots: () => Promise<readonly Root[] | undefined>) {
    this.#askRoots = askRoots
  }

  /** Call this when the client has said that its roots changed. */
  forget(): void {
    this.#asked = undefined
  }

  told(): Promise<ToldRoot> {
    this.#asked ??= this.#ask()
    return this.#asked
  }

  async #ask(): Promise<ToldRoot> {
    try {
      const roots = await this.#askRoots()
      if (!roots) return { isLate: true }
      const files = roots.filter(({ uri }) => uri.startsWith('file:'))
      const directories = files.map(({ uri }) => fileURLToPath(uri))
      const [only, ...others] = directories
      if (only === undefined) return {}
      return others.length === 0 ? { directory: only } : { several: directories }
    } catch {
      // The client refuses, or its answer is no path here. The call then does without it.
      return {}
    }
  }
}
