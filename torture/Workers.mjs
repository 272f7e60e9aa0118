import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DEATHS } from './check/Ledger.mjs'
import { now, pick } from './workload.mjs'

/**
 * @typedef {import('node:child_process').ChildProcess} ChildProcess
 *
 * @typedef {object} Place where a worker works, which its successor takes over
 * @property {number} lanes how many calls it has in flight
 * @property {number} [registries] the number of its connection pools
 * @property {string | undefined} url
 * @property {Record<string, string>} environment
 * @property {number} [until] for a worker that ends before the run, and has no successor
 * @property {readonly string[]} [through] the command that runs the worker
 */

/** Longer than any call may take, the start of a crashed server included. */
const PATIENCE_MS = 120_000
const programOf = (/** @type {string} */ name) =>
  fileURLToPath(new URL(`processes/${name}.mjs`, import.meta.url))

/** The processes that ask the registry. A worker who dies has a successor, until the time is up. */
export class Workers {
  crashes =
    /** @type {{ name: string, code: number | null, signal: string | null, complaint: string }[]} */ ([])
  until
  #directory
  #onStart
  #workers = /** @type {Set<ChildProcess>} */ (new Set())
  #others = /** @type {Set<ChildProcess>} */ (new Set())
  /** By the run itself: no crash of their own. */
  #killed = new WeakSet()
  #stopped = /** @type {Set<ChildProcess>} */ (new Set())
  #acknowledged = /** @type {Map<string, number>} */ (new Map())
  #names = /** @type {Map<ChildProcess, string>} */ (new Map())
  #started = 0
  #sweeper

  /**
   * @param {string} directory of the histories
   * @param {number} until µs
   * @param {string | undefined} url for those who are not workers
   * @param {(child: ChildProcess, place: Place) => void} onStart
   */
  constructor(directory, until, url, onStart) {
    this.#directory = directory
    this.until = until
    this.#onStart = onStart
    this.#sweeper = this.#spawn('sweeper', 'sweeper', { url })
  }

  get acknowledged() {
    return [...this.#acknowledged.values()].reduce((sum, count) => sum + count, 0)
  }

  /** @param {Place} place */
  start(place) {
    const name = `w${this.#started++}`
    const until = place.until ?? this.until
    const stays = place.until === undefined
    const { lanes, registries, url, environment, through } = place
    const told = { name, until, stays, lanes, registries, url }
    const child = this.#spawn('worker', name, told, environment, through)
    this.#workers.add(child)
    this.#onStart(child, place)
    child.on('message', (/** @type {{ acknowledged?: number }} */ { acknowledged }) => {
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
   * @param {string} program
   * @param {string} name of its history, if it writes one
   * @param {object} told
   */
  startOther(program, name, told) {
    return this.#spawn(program, name, told)
  }

  /** @returns {ChildProcess | undefined} */
  any() {
    return this.#workers.size === 0 ? undefined : pick([...this.#workers])
  }

  /** @param {ChildProcess | undefined} child */
  kill(child) {
    if (!child) return false
    this.#killed.add(child)
    return child.kill('SIGKILL')
  }

  /**
   * Resumed when the pause is over.
   * @param {ChildProcess | undefined} child
   * @param {Promise<unknown>} pause
   */
  async stop(child, pause) {
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

  /** @param {Set<ChildProcess>} children who leave this set when they end */
  async #killRest(children) {
    const giveUpAt = performance.now() + PATIENCE_MS
    while (children.size > 0 && performance.now() < giveUpAt) await sleep(50)
    const hung = [...children]
    for (const child of hung) this.kill(child)
    return hung.map((child) => String(this.#names.get(child)))
  }

  /** @param {string} name */
  #fileOf(name) {
    return join(this.#directory, `${name}.jsonl`)
  }

  /**
   * @param {string} program
   * @param {string} name
   * @param {object} told
   * @param {Record<string, string>} [environment]
   * @param {readonly string[]} [through]
   */
  #spawn(program, name, told, environment = {}, through = []) {
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

/**
 * What went wrong, or undefined.
 * @param {string} word
 * @param {ChildProcess} child
 * @returns {Promise<string | undefined>}
 */
async function answerTo(word, child) {
  const given = new AbortController()
  const answered = new Promise((resolve) => {
    child.on('message', (/** @type {{ failure?: string | null }} */ { failure }) => {
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
