type RequestId = string | number

interface Request {
  readonly id: RequestId
  readonly method: string
}

interface Entry<AnyRequest> {
  readonly request: AnyRequest
  readonly bytes: number
}

/** More calls at once gain nothing, because a registry has fewer connections. */
const CALLS_AT_ONCE = 32
/** Many more than run at once, so that a cancellation is read while calls run and wait. */
const MAX_UNANSWERED = 256
const MAX_UNANSWERED_BYTES = 16 * 1024 * 1024

/**
 * The requests that have been read and not answered yet. Only `CALLS_AT_ONCE` tool calls run at a
 * time; everything else starts at once, so that a ping is answered while the database is slow.
 */
export class RequestQueue<AnyRequest extends Request> {
  readonly #start: (request: AnyRequest) => void
  readonly #waiting: Entry<AnyRequest>[] = []
  readonly #underWay: Entry<AnyRequest>[] = []
  #onRoom: (() => void) | undefined
  #expectsAnswer = false

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

  /** Call this when the request has been answered. */
  settle(id: RequestId): void {
    remove(this.#underWay, id)
    this.#startNext()
    if (this.#hasRoom) this.#onRoom?.()
  }

  /**
   * Call this when the request will not be answered. One that waits is then never started. One that
   * runs has been told to stop.
   */
  cancel(id: RequestId): void {
    if (!remove(this.#waiting, id)) this.settle(id)
    else if (this.#hasRoom) this.#onRoom?.()
  }

  /**
   * Whether the client still has to answer a request. Its answer comes after the requests that it
   * sent before, so more of these may be read until then.
   */
  set expectsAnswer(expects: boolean) {
    this.#expectsAnswer = expects
    if (this.#hasRoom) this.#onRoom?.()
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
    const mayAdd = this.#expectsAnswer || unanswered.length < MAX_UNANSWERED
    return mayAdd && bytes < MAX_UNANSWERED_BYTES
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

/** Removes the first with that id. False if there is none. */
function remove(entries: Entry<Request>[], id: RequestId): boolean {
  const index = entries.findIndex(({ request }) => request.id === id)
  if (index !== -1) entries.splice(index, 1)
  return index !== -1
}
