// A proxy between workers and the server that injects network faults. It parses the protocol
// (https://www.postgresql.org/docs/current/protocol-message-formats.html) only to find the ends of
// messages, the statements that write, and their replies.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * The point at which the connection of a write is cut: `before` the server receives the Execute;
 * `during`, after the request was sent and before the reply; `after` the server committed and
 * replied. The caller does not get the reply.
 */
export type CutStage = 'before' | 'during' | 'after'

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

export class FaultyProxy {
  #conditions = new Set<{ conditions: Conditions; pieces: number }>()
  #socketPath
  #server = createServer((client) => this.#connection(client))
  #connections = new Set<ProxiedConnection>()
  #pendingCut: PendingCut | undefined

  constructor(socketDirectory: string) {
    this.#socketPath = `${socketDirectory}/.s.PGSQL.5432`
  }

  async up() {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get url() {
    const address = this.#server.address() as AddressInfo
    return `postgresql://ports@127.0.0.1:${address.port}/postgres`
  }

  /** Cuts the connection of the next write. Returns false if there was none before the timeout. */
  async cutNextWrite(stage: CutStage, timeoutMs: number) {
    if (this.#pendingCut) return false
    const cut = { stage, isOver: false, done: () => {} }
    const done = new Promise((resolve) => {
      cut.done = () => resolve(true)
    })
    this.#pendingCut = cut
    const timer = new AbortController()
    const happened = await Promise.race([
      done,
      sleep(timeoutMs, false, { signal: timer.signal }).catch(() => false),
    ])
    timer.abort()
    cut.isOver = true
    if (this.#pendingCut === cut) this.#pendingCut = undefined
    return happened === true
  }

  /**
   * Adds to conditions that are already in force. Returns false if no piece was affected.
   * @param pause resolves when the conditions end
   */
  async degrade(conditions: Conditions, pause: Promise<unknown>) {
    const current = { conditions, pieces: 0 }
    this.#conditions.add(current)
    await pause
    this.#conditions.delete(current)
    return current.pieces > 0
  }

  /** Resets up to this many random connections. */
  reset(count: number) {
    const chosen = [...this.#connections].sort(() => Math.random() - 0.5).slice(0, count)
    for (const connection of chosen) connection.reset()
    return chosen.length > 0
  }

  async down() {
    this.#conditions.clear()
    this.#server.close()
    for (const connection of this.#connections) connection.reset()
    if (this.#server.listening) await once(this.#server, 'close')
  }

  #connection(client: Socket) {
    const connection = new ProxiedConnection(client, connect(this.#socketPath), {
      conditions: () => {
        for (const current of this.#conditions) current.pieces++
        return combined([...this.#conditions].map(({ conditions }) => conditions))
      },
      takeCut: () => {
        const cut = this.#pendingCut
        this.#pendingCut = undefined
        return cut
      },
      putBack: (cut) => {
        if (!cut.isOver) this.#pendingCut ??= cut
      },
      gone: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
  }
}

export type PendingCut = { stage: CutStage; isOver: boolean; done: () => void }

export interface ProxyHooks {
  /** Returns the conditions for the next piece. */
  readonly conditions: () => Required<Conditions>
  readonly takeCut: () => PendingCut | undefined
  readonly putBack: (cut: PendingCut) => void
  readonly gone: () => void
}

class ProxiedConnection {
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
      this.#carry(client, database, (bytes) => this.#request(bytes)),
      this.#carry(database, client, (bytes) => this.#answer(bytes)),
    ]
    Promise.all(over).then(hooks.gone)
  }

  reset() {
    this.#client.resetAndDestroy()
    this.#database.destroy()
  }

  /** @param filter returns the bytes to pass on, or undefined to cut the connection */
  async #carry(from: Socket, to: Socket, filter: (bytes: Buffer) => Buffer | undefined) {
    try {
      for await (const bytes of from) {
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

/** Combines the worst value of each condition. */
function combined(all: readonly Conditions[]): Required<Conditions> {
  return {
    delayMs: Math.max(0, ...all.map(({ delayMs = 0 }) => delayMs)),
    bytesPerSecond: Math.min(...all.map(({ bytesPerSecond = Infinity }) => bytesPerSecond)),
    pieceBytes: Math.min(...all.map(({ pieceBytes = Infinity }) => pieceBytes)),
    stalls: Math.max(0, ...all.map(({ stalls = 0 }) => stalls)),
    resets: Math.max(0, ...all.map(({ resets = 0 }) => resets)),
  }
}

/** Splits a stream into messages. */
class Messages {
  #rest = Buffer.alloc(0) as Buffer
  /** A client's first message has no type. */
  #isFirst: boolean

  constructor(fromClient: boolean) {
    this.#isFirst = fromClient
  }

  *read(bytes: Buffer): Generator<{ type: string; body: Buffer; raw: Buffer }> {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    for (;;) {
      const head = this.#isFirst ? 0 : 1
      if (this.#rest.length < head + 4) return
      const length = head + this.#rest.readInt32BE(head)
      if (this.#rest.length < length) return
      const raw = this.#rest.subarray(0, length)
      this.#rest = this.#rest.subarray(length)
      const type = this.#isFirst ? 'startup' : String.fromCharCode(raw[0] ?? 0)
      this.#isFirst = false
      yield { type, body: raw.subarray(head + 4), raw }
    }
  }
}

/** Returns the first two zero-terminated strings of a message. */
function textsIn(body: Buffer) {
  const first = body.indexOf(0)
  const second = body.indexOf(0, first + 1)
  return [body.toString('utf8', 0, first), body.toString('utf8', first + 1, second)]
}

function drained(socket: Socket) {
  return new Promise((resolve) => {
    socket.once('drain', resolve)
    socket.once('close', resolve)
  })
}
