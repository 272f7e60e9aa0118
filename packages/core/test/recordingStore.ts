import { noRegistry } from '../src/errors.js'
import type { PortRepository } from '../src/PortRepository.js'
import type { OpenOptions, RepositoryOpener } from '../src/RepositorySource.js'

const ANSWERS: Readonly<Record<string, unknown>> = {
  find: 3000,
  getOrAllocate: 3000,
  allocate: 3000,
  ensureMany: { allocations: [], passedOver: [], resting: [] },
  allocateMany: [3000],
  release: [],
  update: true,
  list: { allocations: [], total: 0 },
  summarize: { ranges: [{ startPort: 1, endPort: 2 }], availablePorts: 2 },
  listRanges: [],
  listReservations: [],
  listCheckouts: [],
  listProcesses: [],
  healthOf: new Map(),
  history: { events: [] },
}

/** A store that records its calls. Its answers are fixed. */
export class RecordingStore {
  /** Method and arguments of each call. */
  readonly calls: (readonly [method: string, ...given: unknown[]])[] = []

  readonly repository = new Proxy({} as PortRepository, {
    get: (_store, method) => {
      // A store is not a promise.
      if (typeof method === 'symbol' || method === 'then') return undefined
      return async (...given: unknown[]) => {
        this.calls.push([method, ...given])
        return /networkOf/i.test(method) ? given[1] : ANSWERS[method]
      }
    },
  })

  get methods(): string[] {
    return this.calls.map(([method]) => method)
  }

  /** The actor of each call, as its options name it. */
  get actors(): unknown[] {
    return this.calls.map((call) => (call.at(-1) as { actor?: unknown } | undefined)?.actor)
  }
}

/** Opens a store or fails, as the test sets it, and counts its calls. */
export class CountingOpener implements RepositoryOpener {
  readonly store = new RecordingStore()
  opens = 0
  looks = 0
  isRunning = true
  /** Whether there is a store that need not be created. */
  exists = true
  failure: Error | undefined
  /** Settles before a store is opened. */
  ready: Promise<unknown> = Promise.resolve()

  async open({ create }: OpenOptions): Promise<PortRepository> {
    this.opens++
    const { failure, exists } = this
    await this.ready
    if (failure) throw failure
    if (!exists && !create) throw noRegistry('/home/ports', [])
    this.exists = true
    return this.store.repository
  }

  async openRunning(): Promise<PortRepository | undefined> {
    this.looks++
    await this.ready
    return this.isRunning ? this.store.repository : undefined
  }

  /** How often the store was closed. */
  get closes(): number {
    return this.store.methods.filter((method) => method === 'close').length
  }
}
