// A proxy between clients and a server that injects network faults. It parses the protocol only to
// find the ends of messages, the statements that write, and their replies.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { databaseUrlOn } from '../server/Server.js'
import {
  type Conditions,
  type CutStage,
  type Direction,
  type PendingCut,
  ProxiedConnection,
} from './ProxiedConnection.js'

const SOCKET = '.s.PGSQL.5432'

export interface ProxyOptions {
  /** A directory for a Unix socket of the proxy's own. Default: a TCP port of the loopback interface. */
  readonly directory?: string
  /** Called with each message of the clients before it is passed on. */
  readonly onRequest?: (type: string, body: Buffer) => void
}

export class FaultyProxy {
  readonly #upstream: { host: string; port: number } | { path: string }
  readonly #database: string
  readonly #directory: string | undefined
  readonly #onRequest
  readonly #connections = new Set<ProxiedConnection>()
  readonly #conditions = new Set<{ conditions: Conditions; pieces: number }>()
  #server: Server | undefined
  #port = 0
  #isRefusing = false
  #breaksAt: Direction | undefined
  #pendingCut: PendingCut | undefined

  /** @param url of the database behind it */
  constructor(url: string, { directory, onRequest = () => {} }: ProxyOptions = {}) {
    const { host, port, database } = new pg.Client({ connectionString: url })
    this.#upstream = host.startsWith('/') ? { path: join(host, SOCKET) } : { host, port }
    this.#database = String(database)
    this.#directory = directory
    this.#onRequest = onRequest
  }

  get url(): string {
    return this.#directory === undefined
      ? `postgresql://ports@127.0.0.1:${this.#port}/${this.#database}`
      : databaseUrlOn(this.#directory, this.#database)
  }

  /** Listens in the same place as before, without faults. */
  async up(): Promise<void> {
    this.#breaksAt = undefined
    this.#isRefusing = false
    this.#server = createServer((client) => this.#connection(client))
    if (this.#directory === undefined) this.#server.listen(this.#port, '127.0.0.1')
    else this.#server.listen(join(this.#directory, SOCKET))
    await once(this.#server, 'listening')
    if (this.#directory === undefined) this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Cuts all connections and stops listening. */
  async down(): Promise<void> {
    this.#conditions.clear()
    if (!this.#server?.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.cut()
    await closed
  }

  /** Cuts all connections. */
  cut(): void {
    for (const connection of this.#connections) connection.cut()
  }

  /** Resets up to this many random connections. */
  reset(count: number): boolean {
    const chosen = [...this.#connections].sort(() => Math.random() - 0.5).slice(0, count)
    for (const connection of chosen) connection.reset()
    return chosen.length > 0
  }

  /**
   * Cuts all connections once: at the next `request`, which does not reach the server, or at the
   * next `answer`, which does not reach the client.
   */
  breakAt(direction: Direction): void {
    this.#breaksAt = direction
  }

  /** Drops all connections, including new ones, until `accept` is called. */
  refuse(): void {
    this.#isRefusing = true
    this.cut()
  }

  accept(): void {
    this.#isRefusing = false
  }

  /** Cuts the connection of the next write. Returns false if there was none before the timeout. */
  async cutNextWrite(stage: CutStage, timeoutMs: number): Promise<boolean> {
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
  async degrade(conditions: Conditions, pause: Promise<unknown>): Promise<boolean> {
    const current = { conditions, pieces: 0 }
    this.#conditions.add(current)
    await pause
    this.#conditions.delete(current)
    return current.pieces > 0
  }

  #connection(client: Socket): void {
    if (this.#isRefusing) {
      client.destroy()
      return
    }
    const connection = new ProxiedConnection(client, connect(this.#upstream), {
      onRequest: this.#onRequest,
      breaks: (direction) => {
        if (this.#breaksAt !== direction) return false
        this.#breaksAt = undefined
        this.cut()
        return true
      },
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
