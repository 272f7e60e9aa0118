import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export interface ManualServerOptions {
  /** The directory of `initdb` and `pg_ctl`. */
  readonly programs: string
  /** Of the server if this runs as root, because PostgreSQL does not run as root. */
  readonly account: { readonly uid: number; readonly gid: number } | undefined
  /** Arguments of `initdb`. */
  readonly initdb: readonly string[]
}

/** A server with the settings of the embedded one, started with PostgreSQL's own programs. */
export class ManualServer {
  #data: string

  constructor(
    private readonly directory: string,
    private readonly options: ManualServerOptions,
  ) {
    this.#data = join(directory, 'data')
  }

  get url() {
    return `postgresql://ports@localhost/postgres?host=${encodeURIComponent(this.directory)}`
  }

  create() {
    mkdirSync(this.directory, { mode: 0o700 })
    const { account, initdb } = this.options
    if (account) chownSync(this.directory, account.uid, account.gid)
    this.#run('initdb', ['--username', 'ports', '--encoding', 'UTF8', '--locale', 'C', ...initdb])
    this.start()
  }

  start() {
    const settings = [
      `-c listen_addresses='' -c unix_socket_directories=${this.directory}`,
      '-c max_connections=300 -c shared_buffers=32MB -c max_wal_size=256MB -c jit=off',
    ]
    const log = join(this.directory, 'log')
    this.#run('pg_ctl', ['--wait', '--log', log, '--options', settings.join(' '), 'start'])
  }

  stop() {
    const isRunning = existsSync(join(this.#data, 'postmaster.pid'))
    if (isRunning) this.#run('pg_ctl', ['--mode', 'fast', 'stop'])
  }

  remove() {
    this.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }

  #run(program: string, args: readonly string[]) {
    const { programs, account } = this.options
    const { status, error } = spawnSync(
      join(programs, program),
      ['--pgdata', this.#data, ...args],
      {
        cwd: '/',
        // The server that pg_ctl starts would keep a pipe open.
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH },
        ...account,
      },
    )
    if (error) throw error
    if (status !== 0) throw new Error(`${program} failed: see ${this.directory}/log`)
  }
}
