import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { migrate } from '@ports/db'
import { Server } from './Server.js'

const ACCOUNTS = ['ports', 'postgres', 'nobody']
const STOP_TIMEOUT_MS = 20_000

const SETTINGS = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '200',
  shared_buffers: '64MB',
  max_wal_size: '256MB',
  jit: 'off',
  log_min_messages: 'log',
  log_checkpoints: 'off',
}

/** A server with other binaries than the embedded ones. The run restarts it after a crash. */
export class OwnServer extends Server {
  #bin: string
  #account: { uid: number; gid: number } | undefined
  #environment: Record<string, string>
  #stopping = false
  #postmaster: ChildProcess | undefined
  #supervised = Promise.resolve()
  #onStart: (pid: number) => void

  /** @param bin the directory of the binaries */
  static async start(
    home: string,
    bin: string,
    environment: Record<string, string>,
    onStart: (pid: number) => void,
  ) {
    const account = accountForServer()
    const data = join(home, 'data')
    const sockets = join(home, 'run')
    for (const directory of [data, sockets]) {
      mkdirSync(directory, { mode: 0o700 })
      if (account) chownSync(directory, account.uid, account.gid)
    }
    await promisify(execFile)(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'ports', '-E', 'UTF8', '--locale', 'C', '--auth', 'trust', '-N'],
      { cwd: '/', ...account },
    )
    const server = new OwnServer(data, sockets, bin, account, environment, onStart)
    server.#supervised = server.#supervise()
    const [row] = await server.retry('show server_version')
    server.version = row.server_version
    server.url = `postgresql://ports@localhost/postgres?host=${encodeURIComponent(sockets)}`
    await migrate({ url: server.url })
    return server
  }

  constructor(
    data: string,
    sockets: string,
    bin: string,
    account: { uid: number; gid: number } | undefined,
    environment: Record<string, string>,
    onStart: (pid: number) => void,
  ) {
    super(data, sockets)
    this.#bin = bin
    this.#account = account
    this.#environment = environment
    this.#onStart = onStart
  }

  async stop() {
    this.#stopping = true
    this.#postmaster?.kill('SIGINT')
    const timer = new AbortController()
    const killed = sleep(STOP_TIMEOUT_MS, undefined, { signal: timer.signal }).then(
      () => this.#postmaster?.kill('SIGKILL'),
      () => {},
    )
    await this.#supervised
    timer.abort()
    await killed
  }

  async #supervise() {
    const settings = Object.entries({ ...SETTINGS, unix_socket_directories: this.socketDirectory })
    while (!this.#stopping) {
      const output = openSync(this.log.path, 'a')
      this.#postmaster = spawn(
        join(this.#bin, 'postgres'),
        [
          '-D',
          this.dataDirectory,
          ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
        ],
        {
          cwd: '/',
          detached: true,
          stdio: ['ignore', output, output],
          env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH ?? '', ...this.#environment },
          ...this.#account,
        },
      )
      closeSync(output)
      if (this.#postmaster.pid !== undefined) this.#onStart(this.#postmaster.pid)
      await once(this.#postmaster, 'exit')
      // The next one cannot start until the backends of the killed one have ended.
      if (!this.#stopping) await sleep(100)
    }
  }
}

/** PostgreSQL does not run as root. */
function accountForServer() {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ACCOUNTS) {
    const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, name]))
    if (uid?.status === 0 && gid?.status === 0) {
      return { uid: Number(uid.stdout.toString()), gid: Number(gid.stdout.toString()) }
    }
  }
  throw new Error(`PostgreSQL does not run as root, and there is no account ${ACCOUNTS.join(', ')}`)
}
