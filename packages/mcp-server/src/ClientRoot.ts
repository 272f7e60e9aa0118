import { fileURLToPath } from 'node:url'

interface Root {
  readonly uri: string
}

/**
 * The directory in which the client works, if it has exactly one. Asked for when a call first needs
 * it, and again after the client has said that its roots changed.
 */
export class ClientRoot {
  readonly #askRoots: () => Promise<readonly Root[]>
  #asked: Promise<string | undefined> | undefined

  constructor(askRoots: () => Promise<readonly Root[]>) {
    this.#askRoots = askRoots
  }

  /** The client has said that its roots changed. */
  forget(): void {
    this.#asked = undefined
  }

  /** Undefined if the client has none or several, or does not tell. */
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
      // It refuses, is silent, or tells what is no path here. A call does without then.
      return undefined
    }
  }
}
