// Stands between workers and the server and does what networks do to connections. Of the protocol
// (https://www.postgresql.org/docs/current/protocol-message-formats.html) it understands where a
// message ends, which statements write, and which answer is theirs.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Where the connection of a write is cut: `before` the server sees its Execute; `during`, when the
 * request is on its way and nobody waited for the answer; `after` the server committed and said so,
 * which nobody is told.
 */
export type Cut = 'before' | 'during' | 'after'

export interface Weather {
  /** At most, for each piece that arrives. */
  readonly delayMs?: number
  readonly bytesPerSecond?: number
  /** Sent one at a time. */
  readonly pieceBytes?: number
  /** How often, of 1, what arrives waits as if it had been lost on the way. */
  readonly stalls?: number
  /** How often, of 1, the connection is reset instead. */
  readonly resets?: number
}

const LONGEST_STALL_MS = 1_500
const WRITES =
  /\b(allocate_ports?|allocate_batch|ensure_port|claim_port|release_ports|release_many|add_range|remove_range|commit|insert|update|delete)\b/i
/** getOrAllocate, as workers ask it: for a service that holds a port, it only looks. */
const LOOKS_FIRST = /\bcoalesce\(.*\bensure_port\b/is

export class Network {
  #weathers = new Set<{ weather: Weather; pieces: number }>()
  #socketPath
  #server = createServer((client) => this.#pair(client))
  #pairs = new Set<Pair>()
  #armed: Armed | undefined

  /** @param socketDirectory of the server */
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

  /** Cuts the connection of the next write. False if none came in time. */
  async cutNextWrite(cut: Cut, patienceMs: number) {
    if (this.#armed) return false
    const armed = { cut, isOver: false, done: () => {} }
    const done = new Promise((resolve) => {
      armed.done = () => resolve(true)
    })
    this.#armed = armed
    const given = new AbortController()
    const happened = await Promise.race([
      done,
      sleep(patienceMs, false, { signal: given.signal }).catch(() => false),
    ])
    given.abort()
    armed.isOver = true
    if (this.#armed === armed) this.#armed = undefined
    return happened === true
  }

  /**
   * Together with what other weather there is. False if it met nothing that was sent.
   * @param pause until it is over
   */
  async suffer(weather: Weather, pause: Promise<unknown>) {
    const current = { weather, pieces: 0 }
    this.#weathers.add(current)
    await pause
    this.#weathers.delete(current)
    return current.pieces > 0
  }

  /** Resets so many connections, chosen at random. */
  reset(count: number) {
    const chosen = [...this.#pairs].sort(() => Math.random() - 0.5).slice(0, count)
    for (const pair of chosen) pair.reset()
    return chosen.length > 0
  }

  async down() {
    this.#weathers.clear()
    this.#server.close()
    for (const pair of this.#pairs) pair.reset()
    if (this.#server.listening) await once(this.#server, 'close')
  }

  #pair(client: Socket) {
    const pair = new Pair(client, connect(this.#socketPath), {
      weather: () => {
        for (const current of this.#weathers) current.pieces++
        return combined([...this.#weathers].map(({ weather }) => weather))
      },
      takeCut: () => {
        const armed = this.#armed
        this.#armed = undefined
        return armed
      },
      putBack: (armed) => {
        if (!armed.isOver) this.#armed ??= armed
      },
      gone: () => this.#pairs.delete(pair),
    })
    this.#pairs.add(pair)
  }
}

export type Armed = { cut: Cut; isOver: boolean; done: () => void }

export interface Surroundings {
  /** Of the next piece. */
  readonly weather: () => Required<Weather>
  readonly takeCut: () => Armed | undefined
  readonly putBack: (armed: Armed) => void
  readonly gone: () => void
}

class Pair {
  #client: Socket
  #database: Socket
  #around: Surroundings
  #requests = new Messages(true)
  #answers = new Messages(false)
  /** By name: prepared statements that write. */
  #writes = new Set<string>()
  #bindsWrite = false
  #sent = 0
  #answered = 0
  /** The write whose answer is swallowed, by the number of its ReadyForQuery. */
  #swallowing: { armed: Armed; ready: number; held: Buffer[] } | undefined

  constructor(client: Socket, database: Socket, around: Surroundings) {
    this.#client = client
    this.#database = database
    this.#around = around
    for (const socket of [client, database]) {
      socket.setNoDelay(true)
      socket.on('error', () => {})
    }
    const over = [
      this.#carry(client, database, (bytes) => this.#request(bytes)),
      this.#carry(database, client, (bytes) => this.#answer(bytes)),
    ]
    Promise.all(over).then(around.gone)
  }

  reset() {
    this.#client.resetAndDestroy()
    this.#database.destroy()
  }

  /** @param judge what is to be passed on; undefined: cut */
  async #carry(from: Socket, to: Socket, judge: (bytes: Buffer) => Buffer | undefined) {
    try {
      for await (const bytes of from) {
        const passed = judge(bytes)
        if (passed === undefined) return
        await this.#pass(passed, to)
      }
    } catch {
      // Reset by whoever is at its end.
    } finally {
      from.destroy()
      // What was written is still to arrive.
      to.end()
      to.destroySoon()
    }
  }

  async #pass(bytes: Buffer, to: Socket) {
    // The beginning of a message, which waits for the rest.
    if (bytes.length === 0) return
    const { delayMs, bytesPerSecond, pieceBytes, stalls, resets } = this.#around.weather()
    if (Math.random() < resets) return this.reset()
    if (delayMs > 0) await sleep(Math.random() * delayMs)
    if (Math.random() < stalls) await sleep(Math.random() * LONGEST_STALL_MS)
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
      if (isWrite && !this.#swallowing) {
        const armed = this.#around.takeCut()
        if (armed?.cut === 'before') {
          armed.done()
          // What came before it in the same piece does get there.
          this.#database.end(Buffer.concat(passed))
          this.#client.resetAndDestroy()
          return undefined
        }
        const ready = type === 'Q' ? this.#sent : this.#sent + 1
        if (armed) this.#swallowing = { armed, ready, held: [] }
      }
      passed.push(raw)
    }
    const request = Buffer.concat(passed)
    const { armed, ready } = this.#swallowing ?? {}
    if (armed?.cut === 'during' && this.#sent === ready) {
      armed.done()
      this.#database.end(request)
      this.#client.resetAndDestroy()
      return undefined
    }
    return request
  }

  #answer(bytes: Buffer) {
    const passed = []
    for (const { type, raw } of this.#answers.read(bytes)) {
      const swallowing = this.#swallowing
      const isTheirs = swallowing !== undefined && this.#answered >= swallowing.ready - 1
      if (type === 'Z') this.#answered++
      if (!isTheirs || swallowing.armed.cut !== 'after') {
        passed.push(raw)
        continue
      }
      swallowing.held.push(raw)
      if (type === 'E') {
        // It was refused: nothing was committed, so there is nothing to hide.
        this.#swallowing = undefined
        this.#around.putBack(swallowing.armed)
        passed.push(...swallowing.held)
      } else if (type === 'Z') {
        swallowing.armed.done()
        // Every other time the answer arrives but for its last message.
        const almost = Math.random() < 0.5 ? swallowing.held.slice(0, -1) : []
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

/** @param text of a statement */
function writes(text: string) {
  return WRITES.test(text) && !LOOKS_FIRST.test(text)
}

/** The worst of each. */
function combined(weathers: readonly Weather[]): Required<Weather> {
  return {
    delayMs: Math.max(0, ...weathers.map(({ delayMs = 0 }) => delayMs)),
    bytesPerSecond: Math.min(...weathers.map(({ bytesPerSecond = Infinity }) => bytesPerSecond)),
    pieceBytes: Math.min(...weathers.map(({ pieceBytes = Infinity }) => pieceBytes)),
    stalls: Math.max(0, ...weathers.map(({ stalls = 0 }) => stalls)),
    resets: Math.max(0, ...weathers.map(({ resets = 0 }) => resets)),
  }
}

/** Cuts a stream into messages. */
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

/** The first two texts of a message, each ended by a zero. */
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
