import { PortManager } from '@ports/core'
import { migrate, openRepository } from '@ports/db'
import pg from 'pg'

/** What the registry's own pool has at most. */
const POOL_SIZE = 10

/** Its connections may be ended by the server, when their database is dropped, and say nothing of it. */
export function openPool(url, max) {
  const pool = new pg.Pool({ connectionString: url, max })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

/** The databases that are made for a run, on the server at that URL. */
export class Databases {
  #url
  #admin
  #live = new Set()
  #made = 0

  constructor(url) {
    this.#url = url
    this.#admin = openPool(url, 1)
  }

  async setting(name) {
    const { rows } = await this.#admin.query('select current_setting($1) as value', [name])
    return rows[0].value
  }

  /** An empty one: its URL. */
  async create() {
    const name = `ports_bench_${process.pid}_${this.#made++}`
    await this.#admin.query(`create database ${name}`)
    const url = new URL(this.#url)
    url.pathname = `/${name}`
    this.#live.add(url.href)
    return url.href
  }

  async drop(url) {
    this.#live.delete(url)
    await this.#admin.query(`drop database ${new URL(url).pathname.slice(1)} with (force)`)
  }

  /** A registry without a range in a database of its own; to be closed. */
  async newRegistry() {
    const url = await this.create()
    await migrate({ url })
    const repository = await openRepository({ url })
    const pool = openPool(url, POOL_SIZE)
    const close = async () => {
      await pool.end()
      await repository.close()
      await this.drop(url)
    }
    return { url, pool, ports: new PortManager(repository), close }
  }

  async end() {
    for (const url of this.#live) await this.drop(url)
    await this.#admin.end()
  }
}
