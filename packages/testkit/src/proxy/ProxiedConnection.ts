import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Messages, textsIn } from './Messages.js'

/**
 * The point at which the connection of a write is cut: `before` the server receives the Execute;
 * `during`, after the request was sent and before the reply; `after` the server committed and
 * replied. The caller does not get the reply.
 */
export type CutStage = 'before' | 'during' | 'after'

export type Direction = 'request' | 'answer'

export interface Conditions {
  /** The maximum for each piece that arrives. */
  readonly delayMs?: number
  readonly bytesPerSecond?: number
  /** Pieces of this size are sent one at a time. */
  readonly pieceBytes?: number
  /** The probability that a piece is delayed as if a packet had been lost. */
  readonly stalls?: number
  /** The probability that the connection is reset. */
  readonly resets?: number
}

const MAX_STALL_MS = 1_500
const WRITES =
  /\b(allocate_ports?|allocate_batch|ensure_port|claim_port|release_ports|release_many|add_range|remove_range|commit|insert|update|delete)\b/i
/** The statement of getOrAllocate. It only reads if the service holds a port. */
const LOOKS_FIRST = /\bcoalesce\(.*\bensure_port\b/is

export type PendingCut = { stage: CutStage; isOver: boolean; done: () => void }

interface ProxyHooks {
  readonly onRequest: (type: string, body: Buffer) => void
  /** Returns true if the connection was cut instead of passing on what was read. */
  readonly breaks: (direction: Direction) => boolean
  /** Returns the conditions for the next piece. */
  readonly conditions: () => Required<Conditions>
  readonly takeCut: () => PendingCut | undefined
  readonly putBack: (cut: PendingCut) => void
  readonly gone: () => void
}

export class ProxiedConnection {
  #client: Socket
  #database: Socket
  #hooks: ProxyHooks
  #requests = new Messages(true)
  #answers = new Messages(false)
  /** The names of prepared statements that write. */
  #writes = new Set<string>()
  #bindsWrite = false
  #sent = 0
  #answered = 0
  /** The write whose reply is dropped, by the number of its ReadyForQuery. */
  #dropping: { cut: PendingCut; ready: number; held: Buffer[] } | undefined

  constructor(client: Socket, database: Socket, hooks: ProxyHooks) {
    this.#client = client
    this.#database = database
    this.#hooks = hooks
    for (const socket of [client, database]) {
      socket.setNoDelay(true)
      socket.on('error', () => {})
    }
    const over = [
      this.#carry(client, database, 'request', (bytes) => this.#request(bytes)),
      this.#carry(database, client, 'answer', (bytes) => this.#answer(bytes)),
    ]
    Promise.all(over).then(hooks.gone)
  }

  cut() {
    this.#client.destroy()
    this.#database.destroy()
  }

  reset() {
    this.#client.resetAndDestroy()
    this.#database.destroy()
  }

  /** @param filter returns the bytes to pass on, or undefined to cut the connection */
  async #carry(
    from: Socket,
    to: Socket,
    direction: Direction,
    filter: (bytes: Buffer) => Buffer | undefined,
  ) {
    try {
      for await (const bytes of from) {
        if (this.#hooks.breaks(direction)) return
        const passed = filter(bytes)
        if (passed === undefined) return
        await this.#pass(passed, to)
      }
    } catch {
      // One of the peers reset the connection.
    } finally {
      from.destroy()
      // Written bytes must still arrive.
      to.end()
      to.destroySoon()
    }
  }

  async #pass(bytes: Buffer, to: Socket) {
    // An incomplete message waits for its rest.
    if (bytes.length === 0) return
    const { delayMs, bytesPerSecond, pieceBytes, stalls, resets } = this.#hooks.conditions()
    if (Math.random() < resets) return this.reset()
    if (delayMs > 0) await sleep(Math.random() * delayMs)
    if (Math.random() < stalls) await sleep(Math.random() * MAX_STALL_MS)
    if (bytesPerSecond < Infinity) await sleep((1000 * bytes.length) / bytesPerSecond)
    for (let start = 0; start < bytes.length; start += pieceBytes) {
      if (start > 0) await new Promise(setImmediate)
      if (to.writableEnded || to.destroyed) return
      if (!to.write(bytes.subarray(start, start + pieceBytes))) await drained(to)
    }
  }

  #request(bytes: Buffer) {
    const passed = []
    for (const message of this.#requests.read(bytes)) {
      const { type, body, raw } = message
      this.#hooks.onRequest(type, body)
      if (type === 'P') this.#prepare(body)
      if (type === 'B') this.#bindsWrite = this.#writes.has(textsIn(body)[1] ?? '')
      const isWrite = type === 'Q' ? writes(body.toString()) : type === 'E' && this.#bindsWrite
      if (type === 'Q' || type === 'S') this.#sent++
      if (isWrite && !this.#dropping) {
        const cut = this.#hooks.takeCut()
        if (cut?.stage === 'before') {
          cut.done()
          // Earlier messages of the same piece are delivered.
          this.#database.end(Buffer.concat(passed))
          this.#client.resetAndDestroy()
          return undefined
        }
        const ready = type === 'Q' ? this.#sent : this.#sent + 1
        if (cut) this.#dropping = { cut, ready, held: [] }
      }
      passed.push(raw)
    }
    const request = Buffer.concat(passed)
    const { cut, ready } = this.#dropping ?? {}
    if (cut?.stage === 'during' && this.#sent === ready) {
      cut.done()
      this.#database.end(request)
      this.#client.resetAndDestroy()
      return undefined
    }
    return request
  }

  #answer(bytes: Buffer) {
    const passed = []
    for (const { type, raw } of this.#answers.read(bytes)) {
      const dropping = this.#dropping
      const isDropped = dropping !== undefined && this.#answered >= dropping.ready - 1
      if (type === 'Z') this.#answered++
      if (!isDropped || dropping.cut.stage !== 'after') {
        passed.push(raw)
        continue
      }
      dropping.held.push(raw)
      if (type === 'E') {
        // The write was refused, so there is no commit to hide.
        this.#dropping = undefined
        this.#hooks.putBack(dropping.cut)
        passed.push(...dropping.held)
      } else if (type === 'Z') {
        dropping.cut.done()
        // In half of the cases only the last message of the reply is missing.
        const almost = Math.random() < 0.5 ? dropping.held.slice(0, -1) : []
        this.#client.end(Buffer.concat([...passed, ...almost]), () => this.#client.destroy())
        this.#database.destroy()
        return undefined
      }
    }
    return Buffer.concat(passed)
  }

  #prepare(body: Buffer) {
    const [name = '', text = ''] = textsIn(body)
    if (writes(text)) this.#writes.add(name)
    else this.#writes.delete(name)
  }
}

function writes(text: string) {
  return WRITES.test(text) && !LOOKS_FIRST.test(text)
}

function drained(socket: Socket) {
  return new Promise((resolve) => {
    socket.once('drain', resolve)
    socket.once('close', resolve)
  })
}
