import { onAbort, PortsError } from '@ports/core'
import DataLoader from 'dataloader'
import { type CallSubject, outcomeUnknown } from './sqlState.js'

/** How many transactions are under way at a time: while one is flushed, the next one works. */
const ABREAST = 2
/** PostgreSQL keeps 64 subtransactions of a transaction at hand, and an allocation may take two. */
const MOST_TOGETHER = 32

/** A call that may share its transaction with others. */
export interface SharedCall {
  readonly values: readonly unknown[]
  readonly subject: CallSubject
  readonly signal?: AbortSignal | undefined
}

type Outcome<Answer> = PromiseSettledResult<Answer>

interface Entry {
  readonly call: SharedCall
  state: 'waiting' | 'alone' | 'together'
}

/**
 * Calls that come while others are under way wait for those, and then share one transaction, and so
 * one flush of the log. A call that meets nobody runs alone and at once. Each gets its own answer
 * and its own error: where a shared transaction failed and changed nothing, its calls are run again,
 * each alone.
 */
export class GroupCommit<Answer> {
  readonly #alone: (call: SharedCall) => Promise<Answer>
  readonly #together: (calls: readonly SharedCall[]) => Promise<readonly Answer[]>
  readonly #loader: DataLoader<Entry, Outcome<Answer>>
  readonly #due: (() => void)[] = []
  #underWay = 0

  /** @param together does all or nothing, and gives the answers in the order of the calls */
  constructor(
    alone: (call: SharedCall) => Promise<Answer>,
    together: (calls: readonly SharedCall[]) => Promise<readonly Answer[]>,
  ) {
    this.#alone = alone
    this.#together = together
    this.#loader = new DataLoader((entries) => this.#runNext(entries), {
      cache: false,
      maxBatchSize: MOST_TOGETHER,
      batchScheduleFn: (start) => {
        this.#due.push(start)
        // Not before everything that is asked for in this turn of the event loop is in.
        queueMicrotask(() => this.#startNext())
      },
    })
  }

  /** @throws what the call alone would throw */
  async run(call: SharedCall): Promise<Answer> {
    call.signal?.throwIfAborted()
    const entry: Entry = { call, state: 'waiting' }
    const outcome = await unlessAborted(this.#loader.load(entry), entry)
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  }

  #startNext(): void {
    if (this.#underWay < ABREAST) this.#due.shift()?.()
  }

  async #runNext(entries: readonly Entry[]): Promise<Outcome<Answer>[]> {
    this.#underWay++
    try {
      // Whoever was aborted meanwhile has been told so.
      const calls = entries.flatMap(({ call }) => (call.signal?.aborted ? [] : [call]))
      const shared = calls.length > 1
      for (const entry of entries) entry.state = shared ? 'together' : 'alone'
      const outcomes = await (shared ? this.#share(calls) : this.#runEachAlone(calls))
      const byCall = new Map(calls.map((call, turn) => [call, outcomes[turn]!]))
      return entries.map(({ call }) => byCall.get(call) ?? rejected(call.signal?.reason))
    } finally {
      this.#underWay--
      this.#startNext()
    }
  }

  async #share(calls: readonly SharedCall[]): Promise<Outcome<Answer>[]> {
    try {
      const answers = await this.#together(calls)
      return answers.map((value) => ({ status: 'fulfilled', value }))
    } catch (error) {
      if (!(error instanceof PortsError)) return this.#runEachAlone(calls)
      if (error.code === 'DATABASE_UNAVAILABLE') return calls.map(() => rejected(error))
      if (error.code !== 'OUTCOME_UNKNOWN') return this.#runEachAlone(calls)
      const lost = error.cause as Error
      return calls.map(({ subject }) => rejected(outcomeUnknown(lost, subject, lost)))
    }
  }

  #runEachAlone(calls: readonly SharedCall[]): Promise<Outcome<Answer>[]> {
    return Promise.allSettled(calls.map((call) => this.#alone(call)))
  }
}

function rejected(reason: unknown): PromiseRejectedResult {
  return { status: 'rejected', reason }
}

/** A call that runs alone minds its signal itself. */
function unlessAborted<Result>(outcome: Promise<Result>, entry: Entry): Promise<Result> {
  const { signal, subject } = entry.call
  if (!signal) return outcome
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => {
      if (entry.state === 'waiting') reject(signal.reason)
      if (entry.state === 'together') {
        reject(outcomeUnknown({ message: 'aborted' }, subject, signal.reason))
      }
    })
    outcome.then(resolve, reject).finally(forget)
  })
}
