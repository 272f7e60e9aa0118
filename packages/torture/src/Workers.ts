import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { EXITS } from './checker/Ledger.js'
import { now, pick } from './workload.js'

/** The parameters of a worker. Its successor gets the same ones. */
export interface Place {
  /** The number of concurrent calls. */
  readonly concurrency: number
  /** The number of its connection pools. */
  readonly pools?: number
  readonly url: string | undefined
  readonly environment: Record<string, string>
  /** Set for a worker that ends before the run and has no successor. */
  readonly until?: number
  /** A command that runs the worker. */
  readonly through?: readonly string[]
}

/** Longer than any call may take, including the start of a crashed server. */
const CHILD_TIMEOUT_MS = 120_000
const programOf = (name: string) => fileURLToPath(new URL(`processes/${name}.js`, import.meta.url))

/** The processes that call the registry. A worker that dies is replaced until the time is up. */
export class Workers {
  crashes: { name: string; code: number | null; signal: string | null; stderr: string }[] = []
  until: number
  #directory: string
  #onStart: (child: ChildProcess, place: Place) => void
  #workers = new Set<ChildProcess>()
  #others = new Set<ChildProcess>()
  /** Processes that the run killed. Their exits are no crashes. */
  #killed = new WeakSet<ChildProcess>()
  #stopped = new Set<ChildProcess>()
  #acknowledged = new Map<string, number>()
  #names = new Map<ChildProcess, string>()
  #started = 0
  #sweeper

  /**
   * @param directory the directory of the histories
   * @param until µs
   * @param url used by processes that are no workers
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
    const { concurrency, pools, url, environment, through } = place
    const parameters = { name, until, stays, concurrency, pools, url }
    const child = this.#spawn('worker', name, parameters, environment, through)
    this.#workers.add(child)
    this.#onStart(child, place)
    child.once('exit', (code) => {
      this.#workers.delete(child)
      if (code !== 0) {
        appendFileSync(join(this.#directory, EXITS), `${name} ${now()}\n`)
        if (this.#sweeper.connected) this.#sweeper.send({ name, file: this.#fileOf(name) })
      }
      // A fault that started a worker ends it and does not know a successor.
      if (stays && now() < this.until) this.start(place)
    })
    return child
  }

  /**
   * Starts a process that is no worker.
   * @param name the name of its history
   */
  startOther(program: string, name: string, parameters: object) {
    return this.#spawn(program, name, parameters)
  }

  any(): ChildProcess | undefined {
    return this.#workers.size === 0 ? undefined : pick([...this.#workers])
  }

  kill(child: ChildProcess | undefined) {
    if (!child) return false
    this.#killed.add(child)
    return child.kill('SIGKILL')
  }

  /** Stops the process and resumes it after the pause. */
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
   * Lets each worker finish its calls and make one more, which must be answered because all faults
   * are over.
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

  /** Ends all processes. Returns the names of those that had to be killed. */
  async end() {
    this.until = 0
    for (const child of this.#workers) if (child.connected) child.send('end')
    const workers = await this.#killRest(this.#workers)
    if (this.#sweeper.connected) this.#sweeper.send({})
    return [...workers, ...(await this.#killRest(this.#others))]
  }

  /** Kills all processes at once. */
  killAll() {
    this.until = 0
    for (const child of [...this.#workers, ...this.#others]) this.kill(child)
  }

  /** @param children processes leave this set when they end */
  async #killRest(children: Set<ChildProcess>) {
    const giveUpAt = performance.now() + CHILD_TIMEOUT_MS
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
    parameters: object,
    environment: Record<string, string> = {},
    through: readonly string[] = [],
  ) {
    const script = [programOf(program), JSON.stringify({ file: this.#fileOf(name), ...parameters })]
    const [command = '', ...args] = [...through, process.execPath, ...script]
    const child = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Ctrl-C reaches only the run, which ends the processes.
      detached: true,
      env: { ...process.env, ...environment },
    })
    this.#names.set(child, name)
    if (program !== 'worker') this.#others.add(child)
    let stderr = ''
    child.stderr?.on('data', (text) => {
      stderr = (stderr + text).slice(0, 4_000)
    })
    child.on('error', () => {})
    child.on('message', ({ acknowledged }: { acknowledged?: number }) => {
      if (acknowledged !== undefined) this.#acknowledged.set(name, acknowledged)
    })
    child.once('exit', (code, signal) => {
      this.#others.delete(child)
      if (code !== 0 && !this.#killed.has(child)) this.crashes.push({ name, code, signal, stderr })
    })
    return child
  }
}

/** Returns the failure, or undefined. */
async function answerTo(word: string, child: ChildProcess): Promise<string | undefined> {
  const timer = new AbortController()
  const answered = new Promise<string | undefined>((resolve) => {
    child.on('message', ({ failure }: { failure?: string | null }) => {
      if (failure !== undefined) resolve(failure ?? undefined)
    })
    child.once('exit', () => resolve('it ended'))
    if (child.connected) child.send(word)
  })
  const silence = sleep(CHILD_TIMEOUT_MS, 'no answer', { signal: timer.signal }).catch(
    () => undefined,
  )
  const failure = await Promise.race([answered, silence])
  timer.abort()
  return failure
}
