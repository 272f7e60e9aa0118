import type { CallerDefaults } from './CallerDefaults.js'
import { PortsError } from './errors.js'
import type { PortRepository } from './PortRepository.js'

export interface OpenOptions {
  /** Whether to create the store if there is none. */
  readonly create: boolean
}

/** Opens a store. */
export interface RepositoryOpener {
  /**
   * @throws {PortsError} `NO_REGISTRY` if there is no store and it is not to be created. An opener
   * may create it anyway.
   */
  open(options: OpenOptions): Promise<PortRepository>
  /** Opens the store only if that creates and starts nothing. Otherwise returns undefined. */
  openRunning(): Promise<PortRepository | undefined>
  /** The settings for the store's callers on this machine. */
  readonly defaults?: CallerDefaults
}

type Repeat<Answer> = (attempt: () => Promise<Answer>) => Promise<Answer>

/**
 * A store that is opened when it is first needed. Malformed input is refused before that, and never
 * waits for a database or starts one. If opening fails, the calls that waited for it fail, and the
 * next call tries again. Only a call that runs in `during` may get the store, which stays open until
 * the call has ended.
 */
export class RepositorySource {
  readonly #opener: RepositoryOpener
  readonly #underWay = new Set<Promise<unknown>>()
  #opened: Promise<PortRepository> | undefined
  #closing: Promise<void> | undefined

  constructor(source: PortRepository | RepositoryOpener) {
    this.#opener =
      'open' in source ? source : { open: async () => source, openRunning: async () => source }
  }

  /**
   * Runs a call, for which `close` waits.
   * @throws {PortsError} `DATABASE_UNAVAILABLE` after `close`
   */
  async during<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    if (this.#closing) throw closed()
    const answer = call()
    this.#underWay.add(answer)
    try {
      return await answer
    } finally {
      this.#underWay.delete(answer)
    }
  }

  /**
   * Runs a call that asks the store one question. `repeat` makes the attempts. Creates the store if
   * there is none.
   */
  ask<Answer>(
    question: (store: PortRepository) => Promise<Answer>,
    repeat?: Repeat<Answer>,
  ): Promise<Answer> {
    return this.#ask({ create: true }, question, repeat)
  }

  /**
   * As `ask`, but creates no store. For a call that only reads, or that changes only what is held.
   * @throws {PortsError} `NO_REGISTRY` if there is no store
   */
  askExisting<Answer>(
    question: (store: PortRepository) => Promise<Answer>,
    repeat?: Repeat<Answer>,
  ): Promise<Answer> {
    return this.#ask({ create: false }, question, repeat)
  }

  #ask<Answer>(
    options: OpenOptions,
    question: (store: PortRepository) => Promise<Answer>,
    repeat: Repeat<Answer> = (attempt) => attempt(),
  ): Promise<Answer> {
    return this.during(() => repeat(async () => question(await this.get(options))))
  }

  get(options: OpenOptions): Promise<PortRepository> {
    if (!this.#opened) return this.#open(options)
    if (!options.create) return this.#opened
    // A call that creates no store may have begun this attempt.
    return this.#opened.catch((error) => {
      if (saysThereIsNone(error)) return this.get(options)
      throw error
    })
  }

  /** The store, or undefined if there is none. */
  async getExisting(): Promise<PortRepository | undefined> {
    return this.get({ create: false }).catch((error) => {
      if (saysThereIsNone(error)) return undefined
      throw error
    })
  }

  #open(options: OpenOptions): Promise<PortRepository> {
    const opened = this.#opener.open(options).catch((error) => {
      if (this.#opened === opened) this.#opened = undefined
      throw error
    })
    this.#opened = opened
    return opened
  }

  /** Returns undefined if opening the store would create or start something. */
  async getRunning(): Promise<PortRepository | undefined> {
    if (this.#opened) {
      return this.#opened.catch((error) => {
        if (saysThereIsNone(error)) return undefined
        throw error
      })
    }
    const running = await this.#opener.openRunning()
    if (!running) return undefined
    if (this.#opened) await running.close()
    else this.#opened = Promise.resolve(running)
    return this.#opened
  }

  /**
   * Closes the store as soon as no call is under way. Does nothing if the store was never opened or
   * could not be opened. Repeatable.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#underWay)
    const repository = await this.#opened?.catch(() => undefined)
    await repository?.close()
  }
}

function saysThereIsNone(error: unknown): boolean {
  return error instanceof PortsError && error.code === 'NO_REGISTRY'
}

function closed(): PortsError {
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    'This PortManager was closed. Nothing was changed. Create another one to continue.',
  )
}
