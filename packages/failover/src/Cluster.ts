import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, openSync, writeFileSync } from 'node:fs'
import { createServer, Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Account, accountNamed } from '@ports/testkit'
import pg from 'pg'
import { postgresBin, safeEtcdApi } from './debianPackages.js'
import { Machine } from './Machine.js'
import { filled, parseEnv, readDeployed, type Settings } from './settings.js'

const CLUSTER_ADDRESS = '127.0.0.10'
const ADDRESSES = ['127.0.0.11', '127.0.0.12', '127.0.0.13'] as const
const HAPROXY_PORT = 5000
const PGBOUNCER_PORT = 6432
const NODE_PORTS = [2379, 2380, 5432, 8008]

/** Far longer than a cluster on a busy machine takes to form or to heal. */
const TIMEOUT_MS = 180_000

interface Options {
  readonly pgbouncer: boolean
  /** etcd or etcd3. Default: the one that works with this Patroni. */
  readonly etcdApi: string | undefined
}

interface Member {
  readonly name: string
  readonly role: string
  readonly state: string
  readonly timeline?: number
}

/** Three nodes and the address of the cluster, from the files of deploy/, on one machine. */
export class Cluster {
  readonly machines: Machine[] = []
  readonly #directory: string
  readonly #settings: Settings
  readonly #pgbouncer: boolean
  readonly #account: Account
  readonly #proxies: ChildProcess[] = []

  constructor(directory: string, { pgbouncer, etcdApi }: Options) {
    this.#directory = directory
    this.#pgbouncer = pgbouncer
    this.#account = accountNamed('postgres')!
    const password = () => randomBytes(24).toString('hex')
    this.#settings = {
      ...parseEnv(readDeployed('cluster.env')),
      NODE1_ADDRESS: ADDRESSES[0],
      NODE2_ADDRESS: ADDRESSES[1],
      NODE3_ADDRESS: ADDRESSES[2],
      NETWORK: '127.0.0.0/8',
      CLUSTER_ADDRESS,
      SUPERUSER_PASSWORD: password(),
      REPLICATION_PASSWORD: password(),
      REWIND_PASSWORD: password(),
      RESTAPI_PASSWORD: password(),
      REGISTRY_PASSWORD: password(),
      ETCD_API: etcdApi ?? safeEtcdApi(),
      POSTGRES_BIN: postgresBin() ?? '',
      PGBOUNCER_USERS: join(directory, 'pgbouncer.users'),
      // A watchdog would reset the machine on which all three nodes run.
      WATCHDOG: 'off',
    }
  }

  get etcdApi() {
    return this.#settings.ETCD_API
  }

  /** The PORTS_DATABASE_URL of the clients. */
  get url() {
    const { REGISTRY_PASSWORD } = this.#settings
    return this.#pgbouncer
      ? `postgresql://ports:${REGISTRY_PASSWORD}@${CLUSTER_ADDRESS}:${PGBOUNCER_PORT}/ports?pgbouncer=true`
      : `postgresql://ports:${REGISTRY_PASSWORD}@${CLUSTER_ADDRESS}:${HAPROXY_PORT}/ports`
  }

  async start() {
    await this.#refuseIfTaken()
    for (const [index, address] of ADDRESSES.entries()) {
      const settings = {
        ...this.#settings,
        NODE_NAME: `node${index + 1}`,
        NODE_ADDRESS: address,
      }
      this.machines.push(new Machine(this.#directory, settings, this.#account))
    }
    for (const machine of this.machines) machine.start()
    this.#startProxy('/usr/sbin/haproxy', 'haproxy.cfg', ['-db', '-f'])
    if (this.#pgbouncer) {
      this.#write('pgbouncer.users')
      this.#startProxy('/usr/sbin/pgbouncer', 'pgbouncer.ini', [], this.#account)
    }
    await this.untilWhole()
    const { REGISTRY_PASSWORD } = this.#settings
    await this.sql('postgres', `create role ports login password '${REGISTRY_PASSWORD}'`)
    await this.sql('postgres', 'create database ports owner ports')
  }

  async #refuseIfTaken() {
    const proxies = [HAPROXY_PORT, ...(this.#pgbouncer ? [PGBOUNCER_PORT] : [])]
    const wanted: [address: string, port: number][] = [
      ...proxies.map((port): [string, number] => [CLUSTER_ADDRESS, port]),
      ...ADDRESSES.flatMap((address) =>
        NODE_PORTS.map((port): [string, number] => [address, port]),
      ),
    ]
    for (const [address, port] of wanted) {
      await new Promise<void>((resolve, reject) => {
        const server = createServer()
        server.once('error', ({ message }) => reject(new Error(`this needs ${message}`)))
        server.listen(port, address, () => server.close(() => resolve()))
      })
    }
  }

  #startProxy(program: string, configuration: string, args: readonly string[], account?: Account) {
    const log = openSync(join(this.#directory, `${configuration}.log`), 'a')
    const child = spawn(program, [...args, this.#write(configuration)], {
      stdio: ['ignore', log, log],
      detached: true,
      ...account,
    })
    child.unref()
    this.#proxies.push(child)
  }

  #write(name: string) {
    const file = join(this.#directory, name)
    writeFileSync(file, filled(name, this.#settings), { mode: 0o640 })
    chownSync(file, 0, this.#account.gid)
    return file
  }

  /** Runs a statement through HAProxy, as the superuser. */
  async sql(database: string, text: string) {
    const stream = new Socket()
    const client = new pg.Client({
      stream: () => stream,
      host: CLUSTER_ADDRESS,
      port: HAPROXY_PORT,
      user: 'postgres',
      password: this.#settings.SUPERUSER_PASSWORD,
      database,
      connectionTimeoutMillis: 3_000,
      query_timeout: 10_000,
    })
    client.on('error', () => {})
    try {
      await client.connect()
      return (await client.query(text)).rows
    } finally {
      // `end` would wait on a connection that nobody answers.
      stream.destroy()
    }
  }

  /** Changes the settings that Patroni keeps for all nodes. */
  async configure(change: object) {
    const { address } = await this.machineThatIs('leader')
    const account = Buffer.from(`patroni:${this.#settings.RESTAPI_PASSWORD}`).toString('base64')
    const answer = await fetch(`http://${address}:8008/config`, {
      method: 'PATCH',
      headers: { authorization: `Basic ${account}` },
      body: JSON.stringify(change),
    })
    if (!answer.ok) throw new Error(`Patroni refused ${JSON.stringify(change)}: ${answer.status}`)
  }

  async untilSet(parameter: string, value: string) {
    await until(`${parameter} to be ${value}`, async () => {
      const [row] = await this.sql('postgres', `select current_setting('${parameter}') as value`)
      return row.value === value
    })
  }

  /** The nodes, according to the first one that answers. */
  async #members(): Promise<Member[]> {
    for (const { address } of this.machines) {
      try {
        const answer = await fetch(`http://${address}:8008/cluster`, {
          signal: AbortSignal.timeout(2_000),
        })
        return ((await answer.json()) as { members?: Member[] }).members ?? []
      } catch {
        // This node is dead or stopped. The next one is asked.
      }
    }
    return []
  }

  /** @throws {Error} if no node has that role now */
  async machineThatIs(role: 'leader' | 'sync_standby'): Promise<Machine> {
    const member = (await this.#members()).find((each) => each.role === role)
    const machine = this.machines.find(({ name }) => name === member?.name)
    if (!machine) throw new Error(`no node is ${role}`)
    return machine
  }

  /** Waits for three nodes on one timeline, one of them the synchronous standby. */
  async untilWhole() {
    await until('three healthy nodes', async () => {
      const members = await this.#members()
      const timelines = new Set(members.map(({ timeline }) => timeline))
      return (
        members.length === 3 &&
        timelines.size === 1 &&
        members.every(({ state }) => state === 'running' || state === 'streaming') &&
        members.some(({ role }) => role === 'leader') &&
        members.some(({ role }) => role === 'sync_standby')
      )
    })
  }

  /** Waits until a write succeeds. If `former` is given, another node must be the primary. */
  async untilWritable(former?: Machine) {
    await until('a primary that takes writes', async () => {
      if (former !== undefined) {
        if ((await this.machineThatIs('leader')) === former) return false
      }
      await this.sql('postgres', `select pg_logical_emit_message(true, 'probe', '')`)
      return true
    })
  }

  async end() {
    for (const child of this.#proxies) child.kill('SIGKILL')
    await Promise.all(this.machines.map((machine) => machine.end()))
  }
}

async function until(what: string, isSo: () => Promise<boolean>) {
  const giveUpAt = Date.now() + TIMEOUT_MS
  let reason = ''
  while (Date.now() < giveUpAt) {
    try {
      if (await isSo()) return
    } catch (error) {
      reason = ` (${(error as Error).message})`
    }
    await sleep(250)
  }
  throw new Error(`waited ${TIMEOUT_MS / 1000} s for ${what}, without success${reason}`)
}
