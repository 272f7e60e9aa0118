// What goes wrong, at random, one at a time, each counted under its name.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** How often each is chosen, relative to the others. */
const WEIGHTS = {
  'worker killed (kill -9)': 5,
  'worker stopped and resumed': 5,
  'backend terminated': 10,
  'statement cancelled': 5,
  'free slots locked for a while': 4,
  'slot of a held number stored by hand': 4,
  'backend killed (kill -9)': 2,
  'postmaster killed (kill -9)': 1,
}

export class Faults {
  counts = Object.fromEntries(Object.keys(WEIGHTS).map((name) => [name, 0]))
  #crew
  #connection
  #dataDirectory
  #stopped = new Set()

  constructor(crew, connection, dataDirectory) {
    this.#crew = crew
    this.#connection = connection
    this.#dataDirectory = dataDirectory
  }

  async injectUntil(deadline, clock, pause) {
    while (clock() < deadline) {
      await sleep(Math.random() * 2 * pause)
      const name = this.#choose()
      if (await this.#inject(name)) this.counts[name]++
    }
  }

  /** Whoever is stopped goes on. */
  resumeAll() {
    for (const child of this.#stopped) child.kill('SIGCONT')
  }

  #choose() {
    let dice = Math.random() * Object.values(WEIGHTS).reduce((sum, weight) => sum + weight)
    return Object.keys(WEIGHTS).find((name) => {
      dice -= WEIGHTS[name]
      return dice < 0
    })
  }

  /** True if it was done. */
  #inject(name) {
    switch (name) {
      case 'worker killed (kill -9)':
        return this.#crew.any()?.kill('SIGKILL')
      case 'worker stopped and resumed':
        return this.#stop(this.#crew.any())
      case 'backend terminated':
        return this.#isDone(signalling('pg_terminate_backend'))
      case 'statement cancelled':
        return this.#isDone(signalling('pg_cancel_backend'))
      case 'free slots locked for a while':
        // Not waited for: the next faults come while it lasts.
        this.#query(
          `with locked as (
             select
             from ports.port_allocations
             where status = 'released'
             order by random()
             limit 5
             for update
           )
           select pg_sleep(0.7)
           from (select count(*) from locked) as held`,
        )
        return true
      case 'slot of a held number stored by hand':
        return this.#isDone(
          `insert into ports.port_allocations
             (project_name, hostname, protocol, port_number, status, allocated_at)
           select project_name, hostname, protocol, port_number, 'released', null
           from ports.port_allocations
           where status <> 'released'
           order by random()
           limit 1
           returning port_number`,
        )
      case 'backend killed (kill -9)':
        return this.#killBackend()
      case 'postmaster killed (kill -9)':
        return this.#killPostmaster()
    }
  }

  #stop(child) {
    if (!child || this.#stopped.has(child)) return false
    this.#stopped.add(child)
    child.kill('SIGSTOP')
    setTimeout(() => {
      child.kill('SIGCONT')
      this.#stopped.delete(child)
    }, Math.random() * 1500)
    return true
  }

  async #isDone(text) {
    return (await this.#query(text)).length > 0
  }

  async #query(text) {
    const client = new pg.Client(this.#connection)
    client.on('error', () => {})
    try {
      await client.connect()
      return (await client.query(text)).rows
    } catch {
      // The server is down at the moment, which is a fault already.
      return []
    } finally {
      await client.end().catch(() => {})
    }
  }

  /** The postmaster then ends all others too and recovers from its log. */
  async #killBackend() {
    const [backend] = await this.#query(signalling(''))
    try {
      return backend !== undefined && process.kill(backend.pid, 'SIGKILL')
    } catch {
      return false
    }
  }

  #killPostmaster() {
    try {
      const pid = Number(
        readFileSync(join(this.#dataDirectory, 'postmaster.pid'), 'utf8').split('\n')[0],
      )
      // A file left by a dead server may name what is somebody else's process by now.
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(this.#dataDirectory)) return false
      return process.kill(pid, 'SIGKILL')
    } catch {
      return false
    }
  }
}

/** To a backend in the middle of something, where there is one. */
function signalling(functionName) {
  return `select ${functionName}(pid) as pid
    from pg_stat_activity
    where application_name = 'ports'
      and backend_type = 'client backend'
    order by state = 'active' and random() < 0.8 desc, random()
    limit 1`
}
