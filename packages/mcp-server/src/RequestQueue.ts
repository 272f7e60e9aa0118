type RequestId = string | number

interface Request {
  readonly id: RequestId
  readonly method: string
}

interface Entry<AnyRequest> {
  readonly request: AnyRequest
  readonly bytes: number
}

/** More at once gain nothing: a registry's connections are fewer. */
const CALLS_AT_ONCE = 32
/** So many more than run at once that a cancellation is read while calls run and wait. */
const MAX_UNANSWERED = 256
const MAX_UNANSWERED_BYTES = 16 * 1024 * 1024

/**
 * The requests that were read and are not answered yet. Tool calls beyond a number wait for their
 * turn; everything else starts at once, so that a ping is answered while the database is slow.
 */
export class RequestQueue<AnyRequest extends Request> {
  readonly #start: (request: AnyRequest) => void
  readonly #waiting: Entry<AnyRequest>[] = []
  readonly #underWay: Entry<AnyRequest>[] = []
  #onRoom: (() => void) | undefined

  constructor(start: (request: AnyRequest) => void) {
    this.#start = start
  }

  /** @param bytes what the request takes until it is answered */
  add(request: AnyRequest, bytes: number): void {
    const entry = { request, bytes }
    if (isCall(entry)) this.#waiting.push(entry)
    else this.#run(entry)
    this.#startNext()
  }

  /** It was answered. */
  settle(id: RequestId): void {
    remove(this.#underWay, id)
    this.#startNext()
    if (this.#hasRoom) this.#onRoom?.()
  }

  /** It will not be answered: one that waits is never started, one that runs was told to stop. */
  cancel(id: RequestId): void {
    if (!remove(this.#waiting, id)) this.settle(id)
    else if (this.#hasRoom) this.#onRoom?.()
  }

  /** Resolves when another request may be read. For one reader. */
  async room(): Promise<void> {
    if (this.#hasRoom) return
    await new Promise<void>((resolve) => {
      this.#onRoom = resolve
    })
    this.#onRoom = undefined
  }

  get #hasRoom(): boolean {
    const unanswered = [...this.#waiting, ...this.#underWay]
    const bytes = unanswered.reduce((sum, entry) => sum + entry.bytes, 0)
    return unanswered.length < MAX_UNANSWERED && bytes < MAX_UNANSWERED_BYTES
  }

  #startNext(): void {
    while (this.#underWay.filter(isCall).length < CALLS_AT_ONCE) {
      const next = this.#waiting.shift()
      if (!next) return
      this.#run(next)
    }
  }

  #run(entry: Entry<AnyRequest>): void {
    this.#underWay.push(entry)
    this.#start(entry.request)
  }
}

function isCall({ request }: Entry<Request>): boolean {
  return request.method === 'tools/call'
}

/** The first with that id; whether there was one. */
function remove(entries: Entry<Request>[], id: RequestId): boolean {
  const index = entries.findIndex(({ request }) => request.id === id)
  if (index !== -1) entries.splice(index, 1)
  return index !== -1
}
