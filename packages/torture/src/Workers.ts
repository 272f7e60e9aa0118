import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DEATHS } from './check/Ledger.js'
import { now, pick } from './workload.js'

/** Where a worker works, which its successor takes over. */
export interface Place {
  /** How many calls it has in flight. */
  readonly lanes: number
  /** The number of its connection pools. */
  readonly registries?: number
  readonly url: string | undefined
  readonly environment: Record<string, string>
  /** For a worker that ends before the run, and has no successor. */
  readonly until?: number
  /** The command that runs the worker. */
  readonly through?: readonly string[]
}

/** Longer than any call may take, the start of a crashed server included. */
const PATIENCE_MS = 120_000
const programOf = (name: string) => fileURLToPath(new URL(`processes/${name}.js`, import.meta.url))

/** The processes that ask the registry. A worker who dies has a successor, until the time is up. */
export class Workers {
  crashes: { name: string; code: number | null; signal: string | null; complaint: string }[] = []
  until: number
  #directory: string
  #onStart: (child: ChildProcess, place: Place) => void
  #workers = new Set<ChildProcess>()
  #others = new Set<ChildProcess>()
  /** By the run itself: no crash of their own. */
  #killed = new WeakSet<ChildProcess>()
  #stopped = new Set<ChildProcess>()
  #acknowledged = new Map<string, number>()
  #names = new Map<ChildProcess, string>()
  #started = 0
  #sweeper

  /**
   * @param directory of the histories
   * @param until µs
   * @param url for those who are not workers
   */
  constructor(
    directory: string,
    until: number,
    url: string | undefined,
    onStart: (child: ChildProcess, place: Place) => void,
  ) {
    this.#directory = directory
    this.until = until
    this.#onStart = onStart
    this.#sweeper = this.#spawn('sweeper', 'sweeper', { url })
  }

  get acknowledged() {
    return [...this.#acknowledged.values()].reduce((sum, count) => sum + count, 0)
  }

  start(place: Place) {
    const name = `w${this.#started++}`
    const until = place.until ?? this.until
    const stays = place.until === undefined
    const { lanes, registries, url, environment, through } = place
    const told = { name, until, stays, lanes, registries, url }
    const child = this.#spawn('worker', name, told, environment, through)
    this.#workers.add(child)
    this.#onStart(child, place)
    child.on('message', ({ acknowledged }: { acknowledged?: number }) => {
      if (acknowledged !== undefined) this.#acknowledged.set(name, acknowledged)
    })
    child.once('exit', (code) => {
      this.#workers.delete(child)
      if (code !== 0) {
        appendFileSync(join(this.#directory, DEATHS), `${name} ${now()}\n`)
        if (this.#sweeper.connected) this.#sweeper.send({ name, file: this.#fileOf(name) })
      }
      // A fault that started it ends it, and would not know its successor.
      if (stays && now() < this.until) this.start(place)
    })
    return child
  }

  /**
   * Somebody else than a worker.
   * @param name of its history, if it writes one
   */
  startOther(program: string, name: string, told: object) {
    return this.#spawn(program, name, told)
  }

  any(): ChildProcess | undefined {
    return this.#workers.size === 0 ? undefined : pick([...this.#workers])
  }

  kill(child: ChildProcess | undefined) {
    if (!child) return false
    this.#killed.add(child)
    return child.kill('SIGKILL')
  }

  /** Resumed when the pause is over. */
  async stop(child: ChildProcess | undefined, pause: Promise<unknown>) {
    if (!child || this.#stopped.has(child)) return false
    this.#stopped.add(child)
    child.kill('SIGSTOP')
    await pause
    child.kill('SIGCONT')
    this.#stopped.delete(child)
    return true
  }

  /**
   * Lets each worker end the calls that it has in flight and begin one more, which must be
   * answered. Nothing may be wrong any more.
   */
  async recover() {
    this.until = 0
    const asked = [...this.#workers].filter((child) => !this.#killed.has(child))
    const answers = asked.map(async (child) => {
      const failure = await answerTo('recover', child)
      return failure === undefined ? [] : [`${this.#names.get(child)}: ${failure}`]
    })
    return { asked: asked.length, failures: (await Promise.all(answers)).flat() }
  }

  /** Returns the names of those who would not end. */
  async end() {
    this.until = 0
    for (const child of this.#workers) if (child.connected) child.send('end')
    const workers = await this.#killRest(this.#workers)
    if (this.#sweeper.connected) this.#sweeper.send({})
    return [...workers, ...(await this.#killRest(this.#others))]
  }

  /** At once, without a word. */
  killAll() {
    this.until = 0
    for (const child of [...this.#workers, ...this.#others]) this.kill(child)
  }

  /** @param children who leave this set when they end */
  async #killRest(children: Set<ChildProcess>) {
    const giveUpAt = performance.now() + PATIENCE_MS
    while (children.size > 0 && performance.now() < giveUpAt) await sleep(50)
    const hung = [...children]
    for (const child of hung) this.kill(child)
    return hung.map((child) => String(this.#names.get(child)))
  }

  #fileOf(name: string) {
    return join(this.#directory, `${name}.jsonl`)
  }

  #spawn(
    program: string,
    name: string,
    told: object,
    environment: Record<string, string> = {},
    through: readonly string[] = [],
  ) {
    const script = [programOf(program), JSON.stringify({ file: this.#fileOf(name), ...told })]
    const [command = '', ...args] = [...through, process.execPath, ...script]
    const child = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Ctrl-C is for the run, which ends them in good order.
      detached: true,
      env: { ...process.env, ...environment },
    })
    this.#names.set(child, name)
    if (program !== 'worker') this.#others.add(child)
    let complaint = ''
    child.stderr?.on('data', (text) => {
      complaint = (complaint + text).slice(0, 4_000)
    })
    child.on('error', () => {})
    child.once('exit', (code, signal) => {
      this.#others.delete(child)
      if (code !== 0 && !this.#killed.has(child))
        this.crashes.push({ name, code, signal, complaint })
    })
    return child
  }
}

/** What went wrong, or undefined. */
async function answerTo(word: string, child: ChildProcess): Promise<string | undefined> {
  const given = new AbortController()
  const answered = new Promise<string | undefined>((resolve) => {
    child.on('message', ({ failure }: { failure?: string | null }) => {
      if (failure !== undefined) resolve(failure ?? undefined)
    })
    child.once('exit', () => resolve('it ended'))
    if (child.connected) child.send(word)
  })
  const silence = sleep(PATIENCE_MS, 'no answer', { signal: given.signal }).catch(() => undefined)
  const failure = await Promise.race([answered, silence])
  given.abort()
  return failure
}
