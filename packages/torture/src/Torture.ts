// One run: a server, workers, faults; then the checker.

import { once } from 'node:events'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PortManager } from '@ports/core'
import { openRepository } from '@ports/db'
import { useOwnSettings } from '../../../test/ownSettings.mjs'
import { Clock } from './Clock.js'
import { ClockWatch } from './ClockWatch.js'
import { check, findDoubts } from './check/check.js'
import { RESOLVER } from './check/doubts.js'
import { JUMPS } from './check/Jumps.js'
import { STUCK, type Stuck } from './check/waits.js'
import {
  corruption,
  countBygoneScopes,
  countSharedKeys,
  logErrors,
  readRecords,
  readTable,
  untilQuiet,
} from './database.js'
import { countLostNumbers } from './drain.js'
import type { Scene } from './faults/Fault.js'
import { Injector } from './faults/Injector.js'
import { Network } from './Network.js'
import type { Options } from './options.js'
import { SmallDisk } from './SmallDisk.js'
import { SABOTAGES } from './sabotage.js'
import { EmbeddedServer } from './server/EmbeddedServer.js'
import { OwnServer } from './server/OwnServer.js'
import { TemporaryFiles } from './TemporaryFiles.js'
import { Workers } from './Workers.js'
import { createProjects, LARGE, LIMITED, now, PACED } from './workload.js'

/** Of the workers, in turn: how many calls each has in flight. */
const LANES = [1, 8, 1, 32]
/**
 * By name, what they ask for ports of, and how long they keep them at most. Those that are called agents have
 * a limit of their own.
 */
const LIMITERS = {
  'limiter-0': { projects: [LIMITED], keepsMs: 40 },
  'limiter-1': { projects: [LIMITED], keepsMs: 40 },
  'agent-0': { projects: [LARGE, PACED], keepsMs: 400 },
  'agent-1': { projects: [LARGE, PACED], keepsMs: 400 },
}
const PROGRESS_EVERY_MS = 5_000
const STOPS_WITHIN_MS = 30_000
/** How many lines of the server's log are shown if the run itself fails. */
const LINES_TOLD = 60
/** Allows for the scopes that were examined last and those that concurrent calls made. */
const MOST_BYGONE_SCOPES = 16

export type Outcome = Awaited<ReturnType<Torture['run']>>

export class Torture {
  #options: Options
  #interrupted: AbortSignal
  #files = new TemporaryFiles()
  #server: EmbeddedServer | OwnServer | undefined
  #workers: Workers | undefined

  /** @param interrupted ends the faults; what was done until then is judged */
  constructor(options: Options, interrupted: AbortSignal) {
    this.#options = options
    this.#interrupted = interrupted
  }

  /**
   * Leaves nothing behind, except histories in which something is wrong.
   * @param abandoned rejects to end everything at once
   */
  async run(abandoned: Promise<never>) {
    let keep = false
    try {
      const outcome = await Promise.race([this.#run(), abandoned])
      keep = outcome.wrong || this.#options.keep
      return { ...outcome, ...(keep && { histories: this.#files.histories }) }
    } catch (error) {
      say(
        `the last lines of the server's log:\n${this.#server?.log.lastLines(LINES_TOLD) ?? 'nothing'}`,
      )
      throw error
    } finally {
      this.#workers?.killAll()
      const patience = sleep(STOPS_WITHIN_MS, undefined, { ref: false })
      await Promise.race([this.#server?.stop(), patience]).catch((error) => {
        say(`the server did not stop by itself: ${error.message}`)
      })
      await this.#files.clear(keep)
    }
  }

  async #run() {
    useOwnSettings(this.#files.home)
    const { smallDisk, clock } = surroundings(this.#options, this.#files)
    const server = await this.#startServer(smallDisk?.directory ?? this.#files.home, clock)
    const network = await networkFor(this.#options, server)
    const clockWatch = new ClockWatch(server, join(this.#files.histories, JUMPS))
    const until = now() + this.#options.seconds * 1_000_000
    const workers = this.#startWorkers(server, until, network, clock)
    const noteStuck = this.#options.faults.length === 1 ? this.#noteStuck : undefined
    const scene = { workers, server, url: server.url, network, smallDisk, clock, noteStuck }
    const injected = await this.#inject(scene, until)

    say('the faults are over; waiting for what is under way, and for one call more of each worker')
    await server.insist('select')
    const recovered = await workers.recover()
    const worked = workers.acknowledged
    const hung = await workers.end()
    await network?.down()
    await server.insist('select')
    await untilQuiet(server)
    await clockWatch.stop()
    const judged = await this.#judge(workers, server, recovered.failures, hung)
    const asked = { recovered, worked, hung }
    return { ...judged, ...injected, ...asked, serverVersion: server.version }
  }

  #noteStuck = ({ project = '', from, until }: Stuck) =>
    appendFileSync(join(this.#files.histories, STUCK), `${from} ${until} ${project}\n`)

  async #startServer(home: string, clock: Clock | undefined) {
    const { postgres, sabotage } = this.#options
    const server =
      postgres === undefined
        ? await EmbeddedServer.start(home)
        : await OwnServer.start(home, postgres, clock?.environment ?? {}, (pid) => clock?.note(pid))
    this.#server = server
    this.#files.add({ mark: server.dataDirectory })
    await logErrors(server)
    await setUpProjects(server)
    if (sabotage) await server.with(SABOTAGES[sabotage])
    return server
  }

  #startWorkers(
    server: EmbeddedServer | OwnServer,
    until: number,
    network: Network | undefined,
    clock: Clock | undefined,
  ) {
    const workers = new Workers(
      this.#files.histories,
      until,
      server.url,
      (child, { environment }) => {
        if ('LD_PRELOAD' in environment) clock?.note(child.pid)
      },
    )
    this.#workers = workers
    for (const [name, told] of Object.entries(LIMITERS)) {
      workers.startOther('limiter', name, { name, ...told, url: server.url, until })
    }
    workers.startOther('reserver', 'reserver', { url: server.url, until })
    for (const place of places(this.#options, server.url, network, clock)) workers.start(place)
    return workers
  }

  async #inject(scene: Omit<Scene, 'pause' | 'isOver'>, until: number) {
    const injector = new Injector(this.#options.faults, {
      ...scene,
      isOver: () => now() >= until || this.#interrupted.aborted,
      pause: (ms) => pauseWithin(ms, until, this.#interrupted),
    })
    const began = now()
    const progress = setInterval(() => {
      const { acknowledged } = scene.workers
      say(`${seconds(now() - began)} s: ${acknowledged} calls, ${injector.total} faults`)
    }, PROGRESS_EVERY_MS)
    await injector.run(this.#options.pause).finally(() => clearInterval(progress))
    return {
      faults: injector.counts,
      lasted: seconds(now() - began),
      wasInterrupted: this.#interrupted.aborted,
    }
  }

  async #judge(
    workers: Workers,
    server: EmbeddedServer | OwnServer,
    unrecovered: readonly string[],
    hung: readonly string[],
  ) {
    const { histories } = this.#files
    const table = await readTable(server)
    const doubts = findDoubts(histories, table)
    say(`${doubts.length} services in doubt, to be resolved`)
    await resolveDoubts(workers, histories, server, doubts)
    await untilQuiet(server)
    const records = await readRecords(server)
    const bygoneScopes = await countBygoneScopes(server)
    say(`${bygoneScopes} scopes of bygone hosts`)
    const sharedKeys = await countSharedKeys(server)
    const lostNumbers = await countLostNumbers(server)
    const corrupt = await corruption(server)
    server.log.look()
    say('judging')
    const verdict = check(histories, table, { doubts, records })
    const found = {
      ...verdict.found,
      'key with two ports in the table': sharedKeys,
      'number that nobody holds and nobody can have': lostNumbers,
      'scope left behind by hosts that are gone': Math.max(0, bygoneScopes - MOST_BYGONE_SCOPES),
      'deadlock (by the server’s log)': server.log.deadlocks,
      'worker that did not recover': unrecovered.length,
      'process that crashed by itself': workers.crashes.length,
      'process that hung': hung.length,
      'corrupt table or index (amcheck)': corrupt?.found.length ?? 0,
    }
    const wrong = Object.values(found).some((count) => count > 0)
    return { ...verdict, found, wrong, corrupt, crashes: workers.crashes, resolved: doubts.length }
  }
}

function surroundings({ faults }: Options, files: TemporaryFiles) {
  const needs = new Set(faults.map((fault) => fault.needs))
  const mount = join(files.home, 'registry')
  if (needs.has('small-disk')) files.add({ mount })
  return {
    smallDisk: needs.has('small-disk') ? new SmallDisk(mount) : undefined,
    clock: needs.has('clock')
      ? new Clock(join(files.home, 'clock'), (left) => files.add({ files: left }))
      : undefined,
  }
}

async function networkFor({ faults }: Options, server: EmbeddedServer | OwnServer) {
  if (!faults.some(({ needs }) => needs === 'network')) return undefined
  const network = new Network(server.socketDirectory)
  await network.up()
  return network
}

async function setUpProjects({ url }: EmbeddedServer | OwnServer) {
  const repository = await openRepository(url === undefined ? {} : { url })
  await createProjects(new PortManager(repository))
  await repository.close()
}

/**
 * Every second worker is behind the network, all of them where only that goes wrong; every fourth
 * has a clock that jumps.
 */
function places(
  { processes, faults }: Options,
  url: string | undefined,
  network: Network | undefined,
  clock: Clock | undefined,
) {
  const onlyNetwork = faults.every(({ needs }) => needs === 'network')
  return Array.from({ length: processes }, (_, index) => ({
    lanes: LANES[index % LANES.length] ?? 1,
    url: network && (onlyNetwork || index % 2 === 1) ? network.url : url,
    environment: clock && index % 4 === 2 ? clock.environment : {},
  }))
}

async function resolveDoubts(
  workers: Workers,
  histories: string,
  server: EmbeddedServer | OwnServer,
  doubts: object[],
) {
  const file = join(histories, 'doubts.json')
  writeFileSync(file, JSON.stringify(doubts))
  const resolver = workers.startOther(RESOLVER, RESOLVER, { doubts: file, url: server.url })
  await once(resolver, 'exit')
}

/** @param until µs */
async function pauseWithin(ms: number, until: number, interrupted: AbortSignal) {
  const left = (until - now()) / 1_000
  if (left > 0) await sleep(Math.min(ms, left), undefined, { signal: interrupted }).catch(() => {})
}

function seconds(us: number) {
  return Math.round(us / 1e6)
}

function say(text: string) {
  process.stderr.write(`${text}\n`)
}
