// One run: a server, workers, faults, and then the checker.

import { once } from 'node:events'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PortManager } from '@ports/core'
import { migrate, openRepository } from '@ports/db'
import {
  EmbeddedServer,
  FaultyProxy,
  type Server,
  SmallDisk,
  TempResources,
  useHome,
} from '@ports/testkit'
import { ClockMonitor } from './ClockMonitor.js'
import { check, findUnresolved } from './checker/check.js'
import { JUMPS } from './checker/Jumps.js'
import { RESOLVER } from './checker/unknownOutcomes.js'
import { STUCK, type Stuck } from './checker/waits.js'
import {
  corruption,
  countAbandonedScopes,
  countSharedKeys,
  logErrors,
  readRecords,
  readTable,
  untilQuiet,
} from './database.js'
import { countLostNumbers } from './drain.js'
import { FakeClock } from './FakeClock.js'
import type { FaultContext } from './faults/Fault.js'
import { Nemesis } from './faults/Nemesis.js'
import type { Options } from './options.js'
import { ServerLog } from './ServerLog.js'
import { SupervisedServer } from './SupervisedServer.js'
import { SABOTAGES } from './sabotage.js'
import { Workers } from './Workers.js'
import { createProjects, LARGE, LIMITED, now, PACED } from './workload.js'

/** The number of concurrent calls of each worker, assigned in turn. */
const CONCURRENCY = [1, 8, 1, 32]
/**
 * By name: the projects whose ports they take, and the maximum time they keep them. Processes named
 * agent have a limit of their own.
 */
const LIMITERS = {
  'limiter-0': { projects: [LIMITED], keepsMs: 40 },
  'limiter-1': { projects: [LIMITED], keepsMs: 40 },
  'agent-0': { projects: [LARGE, PACED], keepsMs: 400 },
  'agent-1': { projects: [LARGE, PACED], keepsMs: 400 },
}
/** Room for the WAL before a checkpoint (256 MB), the data, and as much again. */
const DISK_MEGABYTES = 640
const PROGRESS_INTERVAL_MS = 5_000
const STOP_TIMEOUT_MS = 30_000
/** The number of log lines shown if the run itself fails. */
const LOG_LINES_SHOWN = 60
/** Allows for recently examined scopes and scopes created by concurrent calls. */
const MAX_ABANDONED_SCOPES = 16

export type Outcome = Awaited<ReturnType<Torture['run']>>

export class Torture {
  #options: Options
  #interrupted: AbortSignal
  #files = new TempResources()
  #home = this.#files.directory('ports-torture-')
  #histories = this.#files.directory('ports-histories-')
  #server: Server | undefined
  /** The URL for workers. Undefined if they find and start the server themselves. */
  #url: string | undefined
  #log: ServerLog | undefined
  #workers: Workers | undefined

  /** @param interrupted stops the faults; the calls until then are checked */
  constructor(options: Options, interrupted: AbortSignal) {
    this.#options = options
    this.#interrupted = interrupted
  }

  /**
   * Removes everything except histories in which something is wrong.
   * @param aborted rejects to stop everything at once
   */
  async run(aborted: Promise<never>) {
    let keep = false
    try {
      const outcome = await Promise.race([this.#run(), aborted])
      keep = outcome.wrong || this.#options.keep
      if (keep) this.#log?.copyTo(this.#histories)
      return { ...outcome, ...(keep && { histories: this.#histories }) }
    } catch (error) {
      say(
        `the last lines of the server's log:\n${this.#log?.lastLines(LOG_LINES_SHOWN) ?? 'nothing'}`,
      )
      throw error
    } finally {
      this.#workers?.killAll()
      const timeout = sleep(STOP_TIMEOUT_MS, undefined, { ref: false })
      await Promise.race([this.#server?.stop(), timeout]).catch((error) => {
        say(`the server did not stop: ${error.message}`)
      })
      await this.#files.clear(keep ? this.#histories : undefined)
    }
  }

  async #run() {
    useHome(this.#home)
    const { smallDisk, clock } = resourcesFor(this.#options, this.#files, this.#home)
    const server = await this.#startServer(smallDisk?.directory ?? this.#home, clock)
    const log = this.#log!
    const proxy = await proxyFor(this.#options, server)
    const clockMonitor = new ClockMonitor(server, join(this.#histories, JUMPS))
    const until = now() + this.#options.seconds * 1_000_000
    const workers = this.#startWorkers(until, proxy, clock)
    const noteStuck = this.#options.faults.length === 1 ? this.#noteStuck : undefined
    const url = this.#url
    const context = { workers, server, log, url, proxy, smallDisk, clock, noteStuck }
    const injected = await this.#inject(context, until)

    say('the faults are over; waiting for pending calls, and for one more call of each worker')
    await server.retry('select')
    const recovered = await workers.recover()
    const worked = workers.acknowledged
    const hung = await workers.end()
    await proxy?.down()
    await server.retry('select')
    await untilQuiet(server)
    await clockMonitor.stop()
    const verdict = await this.#check(workers, server, recovered.failures, hung)
    const asked = { recovered, worked, hung }
    return { ...verdict, ...injected, ...asked, serverVersion: server.version }
  }

  #noteStuck = ({ project = '', from, until }: Stuck) =>
    appendFileSync(join(this.#histories, STUCK), `${from} ${until} ${project}\n`)

  async #startServer(home: string, clock: FakeClock | undefined) {
    const { postgres, sabotage } = this.#options
    const server =
      postgres === undefined
        ? new EmbeddedServer(home)
        : new SupervisedServer(home, postgres, clock?.environment ?? {}, (pid) => clock?.note(pid))
    this.#server = server
    await server.start()
    this.#log = new ServerLog(server.logPath, this.#histories)
    if (postgres !== undefined) {
      this.#url = server.url
      await migrate({ url: server.url })
    }
    this.#files.add({ mark: server.dataDirectory })
    await logErrors(server)
    await setUpProjects(this.#url)
    if (sabotage) await server.with(SABOTAGES[sabotage])
    return server
  }

  #startWorkers(until: number, proxy: FaultyProxy | undefined, clock: FakeClock | undefined) {
    const workers = new Workers(this.#histories, until, this.#url, (child, { environment }) => {
      if ('LD_PRELOAD' in environment) clock?.note(child.pid)
    })
    this.#workers = workers
    for (const [name, args] of Object.entries(LIMITERS)) {
      workers.startOther('limiter', name, { name, ...args, url: this.#url, until })
    }
    for (let index = 0; index < this.#options.steady; index++) {
      const name = `steady-${index}`
      workers.startOther('steady', name, { name, url: this.#url, until })
    }
    workers.startOther('reserver', 'reserver', { url: this.#url, until })
    for (const place of places(this.#options, this.#url, proxy, clock)) workers.start(place)
    return workers
  }

  async #inject(context: Omit<FaultContext, 'pause' | 'isOver'>, until: number) {
    const nemesis = new Nemesis(this.#options.faults, {
      ...context,
      isOver: () => now() >= until || this.#interrupted.aborted,
      pause: (ms) => pauseWithin(ms, until, this.#interrupted),
    })
    const began = now()
    const progress = setInterval(() => {
      const { acknowledged } = context.workers
      say(`${seconds(now() - began)} s: ${acknowledged} calls, ${nemesis.total} faults`)
    }, PROGRESS_INTERVAL_MS)
    await nemesis.run(this.#options.pause).finally(() => clearInterval(progress))
    return {
      faults: nemesis.counts,
      lasted: seconds(now() - began),
      wasInterrupted: this.#interrupted.aborted,
    }
  }

  async #check(
    workers: Workers,
    server: Server,
    unrecovered: readonly string[],
    hung: readonly string[],
  ) {
    const histories = this.#histories
    const table = await readTable(server)
    const unresolved = findUnresolved(histories, table)
    say(`${unresolved.length} services with an unknown outcome, to be resolved`)
    await resolve(workers, histories, this.#url, unresolved)
    await untilQuiet(server)
    const records = await readRecords(server)
    const abandonedScopes = await countAbandonedScopes(server)
    say(`${abandonedScopes} scopes of removed hosts`)
    const sharedKeys = await countSharedKeys(server)
    const lostNumbers = await countLostNumbers(server, this.#url)
    const corrupt = await corruption(server)
    this.#log?.look()
    say('checking the histories')
    const verdict = check(histories, table, { unresolved, records })
    const found = {
      ...verdict.found,
      'key with two ports in the table': sharedKeys,
      'number that is neither held nor available': lostNumbers,
      'scope of a removed host that was not collected': Math.max(
        0,
        abandonedScopes - MAX_ABANDONED_SCOPES,
      ),
      'deadlock (by the server’s log)': this.#log?.deadlocks ?? 0,
      'worker that did not recover': unrecovered.length,
      'process that crashed by itself': workers.crashes.length,
      'process that hung': hung.length,
      'corrupt table or index (amcheck)': corrupt?.found.length ?? 0,
    }
    const wrong = Object.values(found).some((count) => count > 0)
    return {
      ...verdict,
      found,
      wrong,
      corrupt,
      crashes: workers.crashes,
      resolved: unresolved.length,
    }
  }
}

function resourcesFor({ faults }: Options, files: TempResources, home: string) {
  const needs = new Set(faults.map((fault) => fault.needs))
  const mount = join(home, 'registry')
  if (needs.has('small-disk')) files.add({ mount })
  return {
    smallDisk: needs.has('small-disk') ? new SmallDisk(mount, DISK_MEGABYTES) : undefined,
    clock: needs.has('clock')
      ? new FakeClock(join(home, 'clock'), (left) => files.add({ files: left }))
      : undefined,
  }
}

async function proxyFor({ faults }: Options, server: Server) {
  if (!faults.some(({ needs }) => needs === 'network')) return undefined
  const proxy = new FaultyProxy(server.url)
  await proxy.up()
  return proxy
}

async function setUpProjects(url: string | undefined) {
  const repository = await openRepository(url === undefined ? {} : { url })
  await createProjects(new PortManager(repository))
  await repository.close()
}

/**
 * Every second worker uses the proxy, or all if only the network fails. Every fourth has a clock
 * that jumps.
 */
function places(
  { processes, faults }: Options,
  url: string | undefined,
  proxy: FaultyProxy | undefined,
  clock: FakeClock | undefined,
) {
  const onlyProxied = faults.every(({ needs }) => needs === 'network')
  return Array.from({ length: processes }, (_, index) => ({
    concurrency: CONCURRENCY[index % CONCURRENCY.length] ?? 1,
    url: proxy && (onlyProxied || index % 2 === 1) ? proxy.url : url,
    environment: clock && index % 4 === 2 ? clock.environment : {},
  }))
}

async function resolve(
  workers: Workers,
  histories: string,
  url: string | undefined,
  unresolved: object[],
) {
  const file = join(histories, 'unresolved.json')
  writeFileSync(file, JSON.stringify(unresolved))
  const resolver = workers.startOther(RESOLVER, RESOLVER, { unresolved: file, url })
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
