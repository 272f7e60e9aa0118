import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Account, cleanEnvironment } from '@ports/testkit'
import type { DatabaseStatus } from '../../src/index.js'

const SCRIPT = fileURLToPath(new URL('../fixtures/registry.mjs', import.meta.url))

export interface Setting {
  readonly env: Readonly<Record<string, string>>
  /** Default: the account of the tests. */
  readonly as?: Account
  /** A command that runs it, such as `unshare --net`. Default: none. */
  readonly through?: readonly string[]
}

export interface Answer<Result> {
  readonly result?: Result
  readonly error?: {
    readonly isPortsError: boolean
    readonly code: string
    readonly message: string
  }
  /** The notices during the call. */
  readonly notices: readonly string[]
}

/** A process that uses the built packages and does not inherit the environment. */
export class RegistryProgram {
  readonly #process: ChildProcess
  readonly #answers: AsyncIterator<string>
  #stderr = ''

  constructor({ env, as, through = [] }: Setting) {
    const [program = '', ...args] = [...through, process.execPath, SCRIPT]
    this.#process = spawn(program, args, {
      cwd: '/',
      env: cleanEnvironment(env),
      stdio: ['pipe', 'pipe', 'pipe'],
      ...as,
    })
    // A program that has ended gives no answer, and `#ask` reports that.
    this.#process.stdin!.on('error', () => {})
    this.#process.stderr!.setEncoding('utf8').on('data', (text) => {
      this.#stderr += text
    })
    this.#answers = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]()
  }

  get pid(): number {
    return this.#process.pid!
  }

  get(project: string, service: string, options: { readonly hostname?: string } = {}) {
    return this.#ask<number>('get', project, service, options)
  }

  list() {
    return this.#ask<unknown[]>('list')
  }

  audit() {
    return this.#ask<unknown>('audit')
  }

  status() {
    return this.#ask<DatabaseStatus>('status')
  }

  start() {
    return this.#ask<DatabaseStatus>('start')
  }

  stop() {
    return this.#ask<boolean>('stop')
  }

  migrate() {
    return this.#ask<string[]>('migrate')
  }

  /** Connects directly to the server, without the registry. */
  connect(config: { readonly host: string; readonly user: string; readonly database: string }) {
    return this.#ask<void>('connect', config)
  }

  /** Ends it, and waits until it has ended. */
  async end(signal?: 'SIGKILL'): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    if (signal) this.#process.kill(signal)
    else this.#process.stdin!.end()
    await ended
  }

  async #ask<Result>(...request: unknown[]): Promise<Answer<Result>> {
    this.#process.stdin!.write(`${JSON.stringify(request)}\n`)
    const { value, done } = await this.#answers.next()
    if (done) throw new Error(`The program ended without an answer. ${this.#stderr}`)
    return JSON.parse(value)
  }
}

/** Returns why that user cannot run programs from this checkout, or undefined if it can. */
export function whyItCannotRun(as: Account): string | undefined {
  const { status, stderr, error } = spawnSync(process.execPath, [SCRIPT], {
    cwd: '/',
    env: { PATH: process.env.PATH, HOME: '/' },
    input: '',
    encoding: 'utf8',
    ...as,
  })
  if (status === 0) return undefined
  const reason = error?.message ?? /^\w*Error: .*$/m.exec(stderr)?.[0] ?? stderr
  return `uid ${as.uid} cannot run this checkout (${reason.trim()})`
}
