import type { PortRepository } from './PortRepository.js'

type Arguments<Method extends keyof PortRepository> = Parameters<PortRepository[Method]>

/**
 * A store that its first call opens: malformed input is refused before that, and never waits for a
 * database or starts one. A failure to open is that call's alone; the next one tries again.
 */
export class LazyRepository implements PortRepository {
  readonly #open: () => Promise<PortRepository>
  readonly #openRunning: () => Promise<PortRepository | undefined>
  #opened: Promise<PortRepository> | undefined

  /** @param openRunning opens the store only if that creates and starts nothing */
  constructor(
    open: () => Promise<PortRepository>,
    openRunning: () => Promise<PortRepository | undefined>,
  ) {
    this.#open = open
    this.#openRunning = openRunning
  }

  #repository(): Promise<PortRepository> {
    this.#opened ??= this.#open().catch((error) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  async #running(): Promise<PortRepository | undefined> {
    if (this.#opened) return this.#opened
    const running = await this.#openRunning()
    if (!running) return undefined
    if (this.#opened) await running.close()
    else this.#opened = Promise.resolve(running)
    return this.#opened
  }

  async getOrAllocate(...given: Arguments<'getOrAllocate'>) {
    return (await this.#repository()).getOrAllocate(...given)
  }

  async allocate(...given: Arguments<'allocate'>) {
    return (await this.#repository()).allocate(...given)
  }

  async release(...given: Arguments<'release'>) {
    return (await this.#repository()).release(...given)
  }

  async update(...given: Arguments<'update'>) {
    return (await this.#repository()).update(...given)
  }

  async list(...given: Arguments<'list'>) {
    return (await this.#repository()).list(...given)
  }

  async summarize(...given: Arguments<'summarize'>) {
    return (await this.#repository()).summarize(...given)
  }

  async recordChecks(...given: Arguments<'recordChecks'>) {
    return (await this.#repository()).recordChecks(...given)
  }

  /** Opens only a store that is running, because a check must not create a registry. */
  async networkOf(...given: Arguments<'networkOf'>) {
    return (await this.#running())?.networkOf(...given)
  }

  async listRanges(...given: Arguments<'listRanges'>) {
    return (await this.#repository()).listRanges(...given)
  }

  async createRange(...given: Arguments<'createRange'>) {
    return (await this.#repository()).createRange(...given)
  }

  async createNextRange(...given: Arguments<'createNextRange'>) {
    return (await this.#repository()).createNextRange(...given)
  }

  async resizeRange(...given: Arguments<'resizeRange'>) {
    return (await this.#repository()).resizeRange(...given)
  }

  async deleteRange(...given: Arguments<'deleteRange'>) {
    return (await this.#repository()).deleteRange(...given)
  }

  /** Also where it was never opened, or could not be. */
  async close() {
    const opened = this.#opened
    this.#opened = undefined
    const repository = await opened?.catch(() => undefined)
    await repository?.close()
  }
}
