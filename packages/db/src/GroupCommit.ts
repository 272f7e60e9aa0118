import { onAbort, PortsError } from '@ports/core'
import { type CallSubject, outcomeUnknown } from './sqlState.js'

/**
 * The most transactions of a project at a time. While one is being flushed, the other one executes.
 */
const MAX_TRANSACTIONS = 2
const MAX_BATCH = 32

/** A call that may share its transaction with others of its project. */
export interface SharedCall {
  readonly projectName: string
  readonly values: readonly unknown[]
  readonly subject: CallSubject
  readonly signal?: AbortSignal | undefined
}

interface Entry<Answer> {
  readonly call: SharedCall
  readonly resolve: (answer: Answer) => void
  readonly reject: (reason: unknown) => void
  state: 'waiting' | 'alone' | 'together'
}

/** The calls of one project. */
interface Queue<Answer> {
  readonly waiting: Entry<Answer>[]
  underWay: number
}

/**
 * Groups concurrent calls of a project into shared transactions, so that they also share one flush
 * of the log. At most `MAX_TRANSACTIONS` run at a time. Calls that arrive meanwhile wait, and share
 * the next one. A call that meets no other runs alone and at once. Each call gets its own answer
 * and its own error: if a shared transaction failed and changed nothing, its calls are run again,
 * each alone. Calls of different projects never wait for each other.
 */
export class GroupCommit<Answer> {
  readonly #alone: (call: SharedCall) => Promise<Answer>
  readonly #together: (calls: readonly SharedCall[]) => Promise<readonly Answer[]>
  readonly #queues = new Map<string, Queue<Answer>>()

  /** @param together runs all calls or none, and returns the answers in the order of the calls */
  constructor(
    alone: (call: SharedCall) => Promise<Answer>,
    together: (calls: readonly SharedCall[]) => Promise<readonly Answer[]>,
  ) {
    this.#alone = alone
    this.#together = together
  }

  /** @throws what the call alone would throw */
  async run(call: SharedCall): Promise<Answer> {
    const { projectName, signal, subject } = call
    signal?.throwIfAborted()
    const queue = this.#queues.get(projectName) ?? { waiting: [], underWay: 0 }
    this.#queues.set(projectName, queue)
    let forget: (() => void) | undefined
    const answer = new Promise<Answer>((resolve, reject) => {
      const entry: Entry<Answer> = { call, resolve, reject, state: 'waiting' }
      queue.waiting.push(entry)
      // A call that runs alone handles its signal itself.
      forget =
        signal &&
        onAbort(signal, () => {
          if (entry.state === 'waiting') {
            queue.waiting.splice(queue.waiting.indexOf(entry), 1)
            reject(signal.reason)
          }
          if (entry.state === 'together') {
            reject(outcomeUnknown({ message: 'aborted' }, subject, signal.reason))
          }
        })
    })
    // Waits until every call of this turn of the event loop is queued.
    queueMicrotask(() => this.#startNext(projectName, queue))
    return answer.finally(forget)
  }

  #startNext(projectName: string, queue: Queue<Answer>): void {
    const { waiting, underWay } = queue
    if (underWay === 0 && waiting.length === 0) this.#queues.delete(projectName)
    if (underWay >= MAX_TRANSACTIONS || waiting.length === 0) return
    const entries = waiting.splice(0, MAX_BATCH)
    queue.underWay++
    const settled = entries.length > 1 ? this.#share(entries) : this.#runEachAlone(entries)
    void settled.finally(() => {
      queue.underWay--
      this.#startNext(projectName, queue)
    })
  }

  async #share(entries: readonly Entry<Answer>[]): Promise<void> {
    for (const entry of entries) entry.state = 'together'
    try {
      const answers = await this.#together(entries.map(({ call }) => call))
      for (const [turn, { resolve }] of entries.entries()) resolve(answers[turn]!)
    } catch (error) {
      const code = error instanceof PortsError ? error.code : undefined
      if (code === 'DATABASE_UNAVAILABLE') {
        for (const { reject } of entries) reject(error)
      } else if (code === 'OUTCOME_UNKNOWN') {
        const lost = (error as PortsError).cause as Error
        for (const { call, reject } of entries) reject(outcomeUnknown(lost, call.subject, lost))
      } else {
        await this.#runEachAlone(entries.filter(({ call }) => !call.signal?.aborted))
      }
    }
  }

  async #runEachAlone(entries: readonly Entry<Answer>[]): Promise<void> {
    for (const entry of entries) entry.state = 'alone'
    await Promise.all(
      entries.map(({ call, resolve, reject }) => this.#alone(call).then(resolve, reject)),
    )
  }
}
