import { fileURLToPath } from 'node:url'

interface Root {
  readonly uri: string
}

/** What a client tells of where it works. */
export interface ToldRoot {
  /** Absent if it has no root or several. */
  readonly directory?: string
  /** It did not answer in time, and may work anywhere. */
  readonly isLate?: true
}

/**
 * The directory in which the client works, if it has exactly one. The client is asked when a call
 * first needs it, and again after it has said that its roots changed.
 */
export class ClientRoot {
  readonly #askRoots: () => Promise<readonly Root[] | undefined>
  #asked: Promise<ToldRoot> | undefined

  /** @param askRoots returns undefined if the client does not answer in time */
  constructor(askRoots: () => Promise<readonly Root[] | undefined>) {
    this.#askRoots = askRoots
  }

  /** To be called when the client says that its roots changed. */
  forget(): void {
    this.#asked = undefined
  }

  /** Undefined if the client has no root or several, or does not answer. */
  directory(): Promise<string | undefined> {
    this.#asked ??= this.#ask()
    return this.#asked
  }

  async #ask(): Promise<ToldRoot> {
    try {
      const roots = await this.#askRoots()
      if (!roots) return { isLate: true }
      const [only, ...others] = roots.filter(({ uri }) => uri.startsWith('file:'))
      return only && others.length === 0 ? { directory: fileURLToPath(only.uri) } : {}
    } catch {
      // The client refuses, is silent, or names something that is not a path here.
      return undefined
    }
  }
}
