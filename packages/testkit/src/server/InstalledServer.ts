import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { accountNamed } from '../accounts.js'
import { Server } from './Server.js'

const ACCOUNTS = ['ports', 'postgres', 'nobody']
const STOP_TIMEOUT_MS = 20_000
const ENVIRONMENT = { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH ?? '' }

/** The settings of the embedded server that affect a test or a measurement. */
const SETTINGS = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '320',
  shared_buffers: '32MB',
  max_wal_size: '256MB',
  jit: 'off',
  log_min_messages: 'log',
  log_checkpoints: 'off',
}

/** A server with installed programs, such as Debian's. */
export class InstalledServer extends Server {
  protected isStopping = false
  readonly #programs: string
  readonly #account = accountForServer()
  #postmaster: ChildProcess | undefined

  /**
   * @param home a directory that every account can enter
   * @param programs the directory of `initdb` and `postgres`
   */
  constructor(home: string, programs: string) {
    super()
    this.#programs = programs
    this.dataDirectory = join(home, 'data')
    this.socketDirectory = join(home, 'run')
  }

  async start() {
    for (const directory of [this.dataDirectory, this.socketDirectory]) {
      mkdirSync(directory, { mode: 0o700 })
      if (this.#account) chownSync(directory, this.#account.uid, this.#account.gid)
    }
    this.#initialize()
    this.launch()
    const [row] = await this.retry('show server_version')
    this.version = row.server_version
  }

  async stop() {
    this.isStopping = true
    const postmaster = this.#postmaster
    if (!postmaster || postmaster.exitCode !== null || postmaster.signalCode !== null) return
    const exited = once(postmaster, 'exit')
    postmaster.kill('SIGINT')
    const timer = setTimeout(() => postmaster.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(timer)
  }

  protected launch(environment: Record<string, string> = {}): ChildProcess {
    const settings = Object.entries({ ...SETTINGS, unix_socket_directories: this.socketDirectory })
    const args = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const log = openSync(this.logPath, 'a')
    this.#postmaster = spawn(
      join(this.#programs, 'postgres'),
      ['-D', this.dataDirectory, ...args],
      {
        cwd: '/',
        detached: true,
        stdio: ['ignore', log, log],
        env: { ...ENVIRONMENT, ...environment },
        ...this.#account,
      },
    )
    closeSync(log)
    return this.#postmaster
  }

  #initialize() {
    const { status, error, stderr } = spawnSync(
      join(this.#programs, 'initdb'),
      ['-D', this.dataDirectory, '-U', 'ports', '-E', 'UTF8', '--locale=C', '--auth=trust', '-N'],
      { cwd: '/', env: ENVIRONMENT, encoding: 'utf8', ...this.#account },
    )
    if (status !== 0) throw error ?? new Error(`initdb ended with ${status}: ${stderr}`)
  }
}

/** PostgreSQL does not run as root. */
function accountForServer() {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ACCOUNTS) {
    const account = accountNamed(name)
    if (account) return account
  }
  throw new Error(`PostgreSQL does not run as root, and there is no account ${ACCOUNTS.join(', ')}`)
}
