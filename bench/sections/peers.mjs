import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { median, quantile } from 'simple-statistics'
import { Callers } from '../peers/Callers.mjs'
import { getPort } from '../peers/getPort.mjs'
import { installPeers } from '../peers/install.mjs'
import { compareAnswers, judge } from '../peers/judge.mjs'
import { ours } from '../peers/ours.mjs'
import { portRegistry } from '../peers/portRegistry.mjs'
import { portserver } from '../peers/portserver.mjs'
import { portsOfNpm } from '../peers/portsOfNpm.mjs'
import { number } from '../report.mjs'

export const title = 'Beside others'

const run = promisify(execFile)

/** How long a program may take, with all the others that are started with it. */
const PROGRAM_MS = 60_000
/** How long callers may take to answer all of a round. */
const ROUND_MS = 20_000
/** What a peer may take for all rounds of one number of processes; it is left out of those after. */
const PATIENCE_MS = 45_000
/** Answers that are looked for after the kill. */
const KILLED = 20

/** Services that each process asks for in a round, by the number of processes. */
const PER_CALLER = { 1: 50, 20: 10, 200: 1 }

/** @param {import('../run.mjs').Context} context */
export async function measure(context) {
  const { quick, signal, progress } = context
  progress('  installing')
  const { directory: installation, sqliteMissing } = await installPeers(signal)
  const peers = [
    ours,
    portserver,
    portRegistry(installation, sqliteMissing),
    portsOfNpm(installation),
    getPort(installation),
  ]
  const counts = quick ? [1, 20] : [1, 20, 200]
  const bench = new Bench(peers, context)
  const programs = []
  for (const count of counts) programs.push(...(await bench.programs(count)))
  const callers = { first: [], again: [] }
  for (const count of counts) {
    const { first, again } = await bench.callers(count)
    callers.first.push(...first)
    callers.again.push(...again)
  }
  const kills = await bench.kills()

  const columns = ['', 'processes', 'rate', 'middle half', 'p50', 'p99', 'failures', 'duplicates']
  const what = 'an answer is'
  return {
    intro: INTRO,
    rows: [],
    tables: [
      { caption: PROGRAMS, columns: [...columns, what], rows: programs },
      { caption: FIRST, columns: [...columns, what], rows: callers.first },
      { caption: AGAIN, columns: [...columns, 'changed', what], rows: callers.again },
      {
        caption: KILLS,
        columns: ['', 'still known', 'given to somebody else', 'guarantees'],
        rows: kills,
      },
    ],
  }
}

class Bench {
  #peers
  #context

  constructor(peers, context) {
    this.#peers = peers
    this.#context = context
  }

  /** Rows of so many programs at once, each of which asks once and ends. */
  async programs(count) {
    const { pairs, quick, signal } = this.#context
    // Two hundred at once take all of the machine for a while.
    const rounds = quick ? 1 : { 1: 2 * pairs, 20: pairs, 200: Math.ceil(pairs / 5) }[count]
    return this.#compare(`${count} programs`, this.#peers, async (peer, { opened }) => {
      const tally = new Tally(peer, count)
      return {
        tally,
        rounds,
        rows: () => [tally.row()],
        ask: async (round) => {
          const started = performance.now()
          const answers = await Promise.all(
            servicesOf(count, round).map((service) => answerOf(opened, service, signal)),
          )
          tally.add(answers, performance.now() - started)
        },
        end: async () => {},
      }
    }).then((measured) => measured.flatMap(({ rows }) => rows()))
  }

  /** Rows of so many running processes, that ask for new services, then for the same ones again. */
  async callers(count) {
    const { pairs, quick, signal } = this.#context
    const each = PER_CALLER[count]
    const rounds = quick ? 1 : pairs
    const begin = async (peer, { opened }) => {
      const callers = new Callers(opened.caller(), count, signal)
      await callers.ready()
      const first = new Tally(peer, count)
      const again = new Tally(peer, count)
      return {
        tally: first,
        rounds,
        ask: async (round) => {
          const all = servicesOf(count * each, round)
          const services = Array.from({ length: count }, (_, index) =>
            all.slice(index * each, (index + 1) * each),
          )
          const fresh = await callers.ask(services, ROUND_MS)
          first.add(fresh.answers, fresh.duration)
          if (!peer.hasNames) return
          const repeated = await callers.ask(services, ROUND_MS)
          again.add(repeated.answers, repeated.duration, fresh.answers)
        },
        rows: () => ({ first: first.row(), again: peer.hasNames ? again.rowWithChanges() : [] }),
        end: () => callers.kill(),
      }
    }
    // So many processes of all peers would not fit into the memory: there they follow each other.
    const groups = count > 20 ? this.#peers.map((peer) => [peer]) : [this.#peers]
    const measured = []
    for (const group of groups) {
      measured.push(...(await this.#compare(`${count} running processes`, group, begin)))
    }
    const rows = measured.map((each) => each.rows())
    return {
      first: rows.map((row) => row.first ?? row[0]),
      again: rows.map((row) => row.again ?? []).filter((row) => row.length > 0),
    }
  }

  /** All peers take turns, round by round; one that fails altogether or is too slow drops out. */
  async #compare(what, peers, begin) {
    const { progress, signal } = this.#context
    progress(`  ${what}${peers.length === 1 ? `: ${peers[0].name}` : ''}`)
    const running = []
    const results = []
    for (const peer of peers) {
      const side = { spent: 0 }
      const result = { rows: () => [] }
      results.push(result)
      try {
        side.opened = await peer.open(this.#roomFor(peer), this.#context)
        side.measure = await begin(peer, side)
        side.measure.tally.crashes = side.opened.crashes
        result.rows = side.measure.rows
        running.push(side)
      } catch (error) {
        if (signal.aborted) throw error
        result.rows = () => [[peer.name, '', `not measured: ${error.message}`]]
        await side.opened?.close()
      }
    }
    try {
      const last = Math.max(...running.map(({ measure }) => measure.rounds))
      for (let round = 0; round < last; round++) {
        for (const side of running) {
          if (side.spent > PATIENCE_MS) continue
          const started = performance.now()
          await side.measure.ask(round)
          side.spent += performance.now() - started
        }
      }
    } finally {
      for (const { measure, opened } of running) {
        await measure.end()
        await opened.close()
      }
    }
    return results
  }

  /** How many answers stay the same when the allocator is killed and comes back. */
  async kills() {
    const rows = []
    this.#context.progress('  kill -9')
    for (const peer of this.#peers) {
      const found = await this.#kill(peer).catch((error) => {
        if (this.#context.signal.aborted) throw error
        return [`not measured: ${error.message}`, '']
      })
      rows.push([peer.name, ...found, peer.guarantees])
    }
    return rows
  }

  async #kill(peer) {
    const { signal } = this.#context
    const opened = await peer.open(this.#roomFor(peer), this.#context)
    const holder = new Callers(opened.caller(), 1, signal)
    const later = []
    try {
      await holder.ready()
      const names = servicesOf(KILLED, 'held')
      const held = judge((await holder.ask([names], ROUND_MS)).answers).given
      // Some peers have no allocator but the asking process.
      await (opened.killAllocator?.() ?? holder.kill())
      const successor = new Callers(opened.caller(), 1, signal)
      later.push(successor)
      await successor.ready()
      // The others first: a peer that has forgotten gives them numbers that are held.
      const others = await successor.ask([servicesOf(KILLED, 'other')], ROUND_MS)
      const again = await successor.ask([names], ROUND_MS)
      const ports = new Set(held.map(({ port }) => port))
      const { same } = compareAnswers(held, judge(again.answers).given)
      const given = judge(others.answers).given.filter(({ port }) => ports.has(port))
      return [`${same} of ${held.length}`, `${given.length} of ${held.length}`]
    } finally {
      for (const callers of [holder, ...later]) await callers.kill()
      await opened.close()
    }
  }

  #roomFor(peer) {
    return mkdtempSync(join(this.#context.home, `${peer.name.replaceAll(/\W/g, '')}-`))
  }
}

/** What a peer answered in all rounds of one measurement. */
class Tally {
  crashes = () => 0
  #peer
  #count
  #answers = []
  #rates = []
  #changed = 0

  constructor(peer, count) {
    this.#peer = peer
    this.#count = count
  }

  add(answers, duration, before) {
    this.#answers.push(...answers)
    const { given } = judge(answers)
    this.#rates.push((given.length / duration) * 1000)
    if (before) this.#changed += compareAnswers(before, given).changed
  }

  row() {
    return [...this.#figures(), this.#peer.keeps]
  }

  rowWithChanges() {
    return [...this.#figures(), this.#changed, this.#peer.keeps]
  }

  #figures() {
    const { given, failures, reasons, duplicates } = judge(this.#answers)
    const latencies = given.map(({ ms }) => ms)
    const quartile = (part) => number(quantile(this.#rates, part))
    const latency = (part) => (given.length > 0 ? `${number(quantile(latencies, part))} ms` : '–')
    const crashes = this.crashes()
    const notes = [
      ...[...new Set(reasons.map(shortened))].slice(0, 2),
      ...(crashes > 0 ? [`it crashed ${crashes} times`] : []),
    ].join('; ')
    return [
      this.#peer.name,
      this.#count,
      `${number(median(this.#rates))}/s`,
      `${quartile(0.25)}–${quartile(0.75)}`,
      latency(0.5),
      latency(0.99),
      `${failures} of ${this.#answers.length}${notes ? ` (${notes})` : ''}`,
      duplicates,
    ]
  }
}

function servicesOf(count, round) {
  return Array.from({ length: count }, (_, index) => `service-${round}-${index}`)
}

/** From the start of a program to its end. */
async function answerOf(opened, service, signal) {
  const { command, args, env, cwd } = opened.program(service)
  const started = performance.now()
  const options = { env, cwd, signal, timeout: PROGRAM_MS, killSignal: 'SIGKILL' }
  const answer = await run(command, args, options).then(
    ({ stdout }) => ({ port: Number(/(\d+)(?: \(existing\))?\s*$/.exec(stdout)?.[1]) }),
    (error) => {
      if (signal.aborted) throw error
      return { error: error.killed ? 'no answer in time' : shortReason(error) }
    },
  )
  return { service, ...answer, ms: performance.now() - started }
}

function shortReason({ stderr, message }) {
  const lines = `${stderr || message}`.trim().split('\n')
  return lines.find((text) => /error/i.test(text)) ?? lines[0]
}

/** Without the paths, and fit for a cell. */
function shortened(reason) {
  return reason
    .replace(/,? \S* ?'.*/s, '')
    .slice(0, 80)
    .replaceAll('|', '/')
}

const INTRO = `All programs get the same load, and their answers are checked alike. Many processes at once ask for ports of different services. A *failure* is no number in time, a *duplicate* a number that another service was told before. \`port-registry\`, \`ports\` and \`get-port\` are packages from npm, portserver comes with Debian's python3-portpicker; each is used as its documentation says, and a service that ends by itself is started again. They promise different things, so each figure is shown beside the promise, and the last table has all promises.`

const PROGRAMS =
  'As whole programs: many are started at once, each prints one port of a new service and ends. ' +
  'This is the cost for a shell script or an agent.'

const FIRST = 'From running processes, connected before: each asks for new services one by one.'

const AGAIN =
  'The same services asked for again, of those who know services. *Changed* is how many were told ' +
  'another number than before.'

const KILLS =
  `What is left of ${KILLED} answers after \`kill -9\` of the allocator (the database server and its ` +
  'children, the service, or where there is none the process that asked) and a new start: how many ' +
  'are told the same again, and how many of the numbers others are given who ask first.'
