import type { PortRepository } from './PortRepository.js'

/** Opens a store. */
export interface RepositoryOpener {
  open(): Promise<PortRepository>
  /** Opens the store only if that creates and starts nothing. Otherwise returns undefined. */
  openRunning(): Promise<PortRepository | undefined>
}

/**
 * A store that is opened when it is first needed. Malformed input is refused before that, and never
 * waits for a database or starts one. If opening fails, the calls that waited for it fail, and the
 * next call tries again.
 */
export class RepositorySource {
  readonly #opener: RepositoryOpener
  #opened: Promise<PortRepository> | undefined

  constructor(source: PortRepository | RepositoryOpener) {
    this.#opener =
      'open' in source ? source : { open: async () => source, openRunning: async () => source }
  }

  get(): Promise<PortRepository> {
    if (this.#opened) return this.#opened
    const opened = this.#opener.open().catch((error) => {
      if (this.#opened === opened) this.#opened = undefined
      throw error
    })
    this.#opened = opened
    return opened
  }

  /** Returns undefined if opening the store would create or start something. */
  async getRunning(): Promise<PortRepository | undefined> {
    if (this.#opened) return this.#opened
    const running = await this.#opener.openRunning()
    if (!running) return undefined
    if (this.#opened) await running.close()
    else this.#opened = Promise.resolve(running)
    return this.#opened
  }

  /** Does nothing if the store was never opened or could not be opened. */
  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    const repository = await opened?.catch(() => undefined)
    await repository?.close()
  }
}
