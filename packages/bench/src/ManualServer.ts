import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const INITDB = [
  ...['--username', 'ports', '--encoding', 'UTF8', '--locale', 'C'],
  ...['--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
  ...['--auth', 'peer', '--no-instructions'],
]

/** A server like the embedded one, started with PostgreSQL's own programs. */
export class ManualServer {
  #data: string

  /**
   * @param programs the directory of `initdb` and `pg_ctl`
   * @param account the server's, if this runs as root
   */
  constructor(
    private readonly directory: string,
    private readonly programs: string,
    private readonly account: { uid: number; gid: number } | undefined,
  ) {
    this.#data = join(directory, 'data')
  }

  create() {
    mkdirSync(this.directory, { mode: 0o700 })
    if (this.account) chownSync(this.directory, this.account.uid, this.account.gid)
    this.#run('initdb', INITDB)
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
    const { status, error } = spawnSync(
      join(this.programs, program),
      ['--pgdata', this.#data, ...args],
      {
        cwd: '/',
        // The server that pg_ctl starts would keep a pipe open.
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH },
        ...this.account,
      },
    )
    if (error) throw error
    if (status !== 0) throw new Error(`${program} failed: see ${this.directory}/log`)
  }
}
