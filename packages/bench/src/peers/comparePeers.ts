import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Context } from '../Section.js'
import type { Askers } from './Askers.js'
import type { OpenPeer, Peer } from './Peer.js'
import { Tally } from './Tally.js'

/** A peer that takes longer for its rounds with one number of processes skips the other rounds. */
const MAX_PEER_MS = 45_000

export interface PeerLoad {
  readonly name: string
  readonly processes: number
  readonly servicesPerProcess: number
  readonly rounds: number
  /** Whether named services are asked for again. */
  readonly repeats: boolean
  start(peer: OpenPeer): Promise<Askers>
}

type Row = (string | number)[]

/** The rows of one peer. */
interface PeerRows {
  readonly first: Row
  readonly again?: Row
}

/** Measures the peers in turn, round by round. A peer that cannot start gets a row that says why. */
export async function comparePeers(
  peers: readonly Peer[],
  load: PeerLoad,
  context: Context,
): Promise<PeerRows[]> {
  context.progress(`  ${load.name}${peers.length === 1 ? `: ${peers[0]!.name}` : ''}`)
  const sides: (Side | PeerRows)[] = []
  const running = () => sides.filter((side) => side instanceof Side)
  try {
    for (const peer of peers) sides.push(await openSide(peer, load, context))
    for (let round = 0; round < load.rounds; round++) {
      for (const side of running()) await side.measure(round)
    }
    return sides.map((side) => (side instanceof Side ? side.rows() : side))
  } finally {
    for (const side of running()) await side[Symbol.asyncDispose]()
  }
}

async function openSide(peer: Peer, load: PeerLoad, context: Context) {
  let opened: OpenPeer | undefined
  try {
    opened = await peer.open(peerDirectory(peer, context), context.signal)
    return new Side(peer, load, opened, await load.start(opened))
  } catch (error) {
    await opened?.[Symbol.asyncDispose]()
    if (context.signal.aborted) throw error
    return { first: [peer.name, load.processes, `not measured: ${(error as Error).message}`] }
  }
}

class Side implements AsyncDisposable {
  #first = new Tally()
  #again = new Tally()
  #spent = 0

  constructor(
    private readonly peer: Peer,
    private readonly load: PeerLoad,
    private readonly opened: OpenPeer,
    private readonly askers: Askers,
  ) {}

  async measure(round: number) {
    if (this.#spent > MAX_PEER_MS) return
    const { processes, servicesPerProcess, repeats } = this.load
    const services = Array.from({ length: processes }, (_, each) =>
      servicesOf(servicesPerProcess, `${round}-${each}`),
    )
    const fresh = await this.#ask(services)
    this.#first.add(fresh.answers, fresh.duration)
    if (!repeats || !this.peer.hasNames) return
    const repeated = await this.#ask(services)
    this.#again.add(repeated.answers, repeated.duration, fresh.answers)
  }

  rows(): PeerRows {
    const { name, promise, hasNames } = this.peer
    const crashes = this.opened.crashes?.() ?? 0
    const row = (...cells: Row) => [name, this.load.processes, ...cells, promise]
    const first = row(...this.#first.cells(crashes))
    if (!this.load.repeats || !hasNames) return { first }
    return { first, again: row(...this.#again.cells(crashes), this.#again.changed) }
  }

  async [Symbol.asyncDispose]() {
    await this.askers[Symbol.asyncDispose]()
    await this.opened[Symbol.asyncDispose]()
  }

  async #ask(services: string[][]) {
    const started = performance.now()
    const answers = await this.askers.ask(services)
    const duration = performance.now() - started
    this.#spent += duration
    return { answers, duration }
  }
}

export function peerDirectory({ name }: Peer, { home }: Context) {
  return mkdtempSync(join(home, `${name.replaceAll(/\W/g, '')}-`))
}

export function servicesOf(count: number, group: string) {
  return Array.from({ length: count }, (_, index) => `service-${group}-${index}`)
}
