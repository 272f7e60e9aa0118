import { fileURLToPath } from 'node:url'

interface Root {
  readonly uri: string
}

/**
 * The directory in which the client works, if it has exactly one. The client is asked when a call
 * first needs it, and again after it has said that its roots changed.
 */
export class ClientRoot {
  readonly #askRoots: () => Promise<readonly Root[]>
  #asked: Promise<string | undefined> | undefined

  constructor(askRoots: () => Promise<readonly Root[]>) {
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

  async #ask(): Promise<string | undefined> {
    try {
      const roots = await this.#askRoots()
      const [only, ...others] = roots.filter(({ uri }) => uri.startsWith('file:'))
      return only && others.length === 0 ? fileURLToPath(only.uri) : undefined
    } catch {
      // The client refuses, is silent, or names something that is not a path here.
      return undefined
    }
  }
}
