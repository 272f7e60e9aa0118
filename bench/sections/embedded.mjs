import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { startDatabase, stopDatabase } from '@ports/db'
import { comparePairs } from '../pairs.mjs'

export const title = 'Starting the embedded server'

/** @param {import('../run.mjs').Context} context */
export async function measure(context) {
  const { pairs, home, signal } = context
  const usual = process.env.PORTS_HOME
  const room = mkdtempSync(join(home, 'embedded-'))
  chmodSync(room, 0o755)
  const registry = new EmbeddedRegistry(room)
  let byHand
  const leave = () => {
    byHand?.stop()
    registry.kill()
  }
  signal.addEventListener('abort', leave)
  try {
    // Puts the programs in their place, which under root happens once for all registries.
    await registry.create()
    byHand = new ManualServer(join(room, 'by-hand'), await registry.description())

    context.progress('  first start')
    const first = await comparePairs({
      name: 'first start, beside `initdb` and `pg_ctl start`',
      pairs,
      kind: 'cost',
      target: 1.2,
      ours: async () => {
        await registry.remove()
        return timed(() => registry.create())
      },
      baseline: async () => {
        byHand.remove()
        return timed(() => byHand.create())
      },
      shortfall: 'initdb is all of the baseline; ours makes and seeds the tables as well.',
    })
    context.progress('  later starts')
    const later = await comparePairs({
      name: 'later start, beside `pg_ctl start`',
      pairs,
      kind: 'cost',
      target: 1.2,
      ours: async () => {
        await registry.stop()
        return timed(() => registry.start())
      },
      baseline: async () => {
        byHand.stop()
        return timed(() => byHand.start())
      },
      shortfall: 'looking at the lock, the account and the schema, beside the start itself.',
    })
    return { intro: INTRO, rows: [first, later] }
  } finally {
    signal.removeEventListener('abort', leave)
    byHand?.remove()
    await registry.remove()
    process.env.PORTS_HOME = usual
  }
}

/** The registry's own way, as a running process takes it. */
class EmbeddedRegistry {
  #room
  #made = 0
  #status

  constructor(room) {
    this.#room = room
  }

  async create() {
    const home = join(this.#room, `home-${this.#made++}`)
    process.env.PORTS_HOME = home
    await this.start()
  }

  async start() {
    this.#status = await startDatabase({ notify: () => {} })
  }

  async stop() {
    await stopDatabase()
  }

  async remove() {
    if (this.#status === undefined) return
    await this.stop()
    rmSync(dirname(this.#status.dataDirectory), { recursive: true, force: true })
    rmSync(process.env.PORTS_HOME, { recursive: true, force: true })
  }

  /** For a Ctrl-C: whatever is under way. The data goes with the run's home. */
  kill() {
    const { pid } = this.#status ?? {}
    if (pid !== undefined) spawnSync('kill', ['-INT', `${pid}`])
  }

  /** What a server that is made manually must have in common with it. */
  async description() {
    const { dataDirectory, pid } = this.#status
    const { uid, gid } = statSync(dataDirectory)
    return { programs: dirname(readlinkSync(`/proc/${pid}/exe`)), account: { uid, gid } }
  }
}

/** A server that is made manually, synced to disk, with the same settings, locale and account. */
class ManualServer {
  #directory
  #data
  #programs
  #account

  constructor(directory, { programs, account }) {
    this.#directory = directory
    this.#data = join(directory, 'data')
    this.#programs = programs
    this.#account = account
  }

  create() {
    mkdirSync(this.#directory, { mode: 0o700 })
    if (process.getuid() === 0) {
      chownSync(this.#directory, this.#account.uid, this.#account.gid)
    }
    this.#run('initdb', [
      ...['--pgdata', this.#data, '--username', 'ports', '--encoding', 'UTF8'],
      ...['--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
      ...['--auth', 'peer', '--no-instructions'],
    ])
    this.start()
  }

  start() {
    const settings = [
      `-c listen_addresses=''`,
      `-c unix_socket_directories=${this.#directory}`,
      '-c max_connections=300 -c shared_buffers=32MB -c max_wal_size=256MB -c jit=off',
    ]
    const log = join(this.#directory, 'log')
    this.#run('pg_ctl', [
      ...['--pgdata', this.#data, '--wait', '--silent', '--log', log],
      ...['--options', settings.join(' '), 'start'],
    ])
  }

  stop() {
    const running = statSync(join(this.#data, 'postmaster.pid'), { throwIfNoEntry: false })
    if (running) this.#run('pg_ctl', ['--pgdata', this.#data, '--silent', '--mode', 'fast', 'stop'])
  }

  remove() {
    this.stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #run(program, args) {
    const { status, error } = spawnSync(join(this.#programs, program), args, {
      cwd: '/',
      // The server that pg_ctl starts would keep a pipe open.
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH },
      ...(process.getuid() === 0 && this.#account),
    })
    if (error) throw error
    if (status !== 0) throw new Error(`${program} ended with ${status}: ${this.#directory}/log`)
  }
}

async function timed(work) {
  const started = performance.now()
  await work()
  return performance.now() - started
}

const INTRO = `\`startDatabase()\` in a running process, against the same programs started one after the other: the same account, settings, locale and authentication, both synced to disk as initdb does by itself. The first start is in an empty home. The registry also installs the programs (under root that is done once per version), makes the tables and inserts the ranges. pg_ctl checks every tenth of a second whether its server answers.`
