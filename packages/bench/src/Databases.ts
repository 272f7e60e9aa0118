import { PortManager, type PortRepository } from '@ports/core'
import { migrate, openRepository } from '@ports/db'
import pg from 'pg'

/** The maximum of the registry's own pool. */
const POOL_SIZE = 10

export interface Registry extends AsyncDisposable {
  readonly url: string
  /** Has as many connections as the registry's own. */
  readonly pool: pg.Pool
  readonly repository: PortRepository
  /** Does not look at the listeners of this machine. */
  readonly ports: PortManager
}

/** Ignores connections that the server ends because their database is dropped. */
export function openPool(url: string, max: number) {
  const pool = new pg.Pool({ connectionString: url, max })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

/** The databases of a run. They are dropped at its end, even if a section failed. */
export class Databases {
  #url: string
  #admin: pg.Pool
  #live = new Set<string>()
  #count = 0

  constructor(url: string) {
    this.#url = url
    this.#admin = openPool(url, 1)
  }

  async serverVersion(): Promise<string> {
    const { rows } = await this.#admin.query('show server_version')
    return rows[0].server_version.split(' ')[0]
  }

  async newRegistry(): Promise<Registry> {
    const name = `ports_bench_${process.pid}_${this.#count++}`
    await this.#admin.query(`create database ${name}`)
    this.#live.add(name)
    const { href: url } = Object.assign(new URL(this.#url), { pathname: `/${name}` })
    await migrate({ url })
    const repository = await openRepository({ url })
    const pool = openPool(url, POOL_SIZE)
    return {
      url,
      pool,
      repository,
      ports: new PortManager(repository, { passOver: 'none' }),
      [Symbol.asyncDispose]: async () => {
        await pool.end()
        await repository.close()
        await this.#drop(name)
      },
    }
  }

  async end() {
    for (const name of this.#live) await this.#drop(name)
    await this.#admin.end()
  }

  async #drop(name: string) {
    this.#live.delete(name)
    await this.#admin.query(`drop database ${name} with (force)`)
  }
}
