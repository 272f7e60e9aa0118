import { spawn, spawnSync } from 'node:child_process'
import {
  chownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Account } from '@ports/testkit'
import { filled, parseEnv, type Settings } from './settings.js'

export type NodeSettings = Settings & { readonly NODE_NAME: string; readonly NODE_ADDRESS: string }

/**
 * One of the three nodes, on a loopback address and in a directory of its own. Every process whose
 * working directory is below it belongs to the machine, and dies, stops and continues with it: etcd,
 * Patroni, PostgreSQL with all its processes, and those that they start.
 */
export class Machine {
  readonly name: string
  readonly address: string
  readonly #directory: string
  readonly #settings: Settings & { readonly POSTGRES_DATA: string }
  readonly #account: Account
  /** The shared memory that killed servers could not free. */
  #sharedMemory = new Map<string, string>()

  /** @param account the uid and gid that PostgreSQL runs under */
  constructor(directory: string, settings: NodeSettings, account: Account) {
    this.name = settings.NODE_NAME
    this.address = settings.NODE_ADDRESS
    this.#directory = join(directory, this.name)
    this.#account = account
    const own = (name: string) => join(this.#directory, name)
    this.#settings = {
      ...settings,
      POSTGRES_DATA: own('data'),
      POSTGRES_SOCKETS: this.#directory,
      PGPASS: own('pgpass'),
      ETCD_DATA: own('etcd'),
    }
    mkdirSync(this.#directory, { mode: 0o700 })
    chownSync(this.#directory, account.uid, account.gid)
    writeFileSync(own('patroni.yml'), filled('patroni.yml', this.#settings))
  }

  start() {
    this.#spawn('/usr/bin/etcd', [], parseEnv(filled('etcd.env', this.#settings)))
    this.startPatroni()
  }

  startPatroni() {
    this.#spawn('/usr/bin/patroni', [join(this.#directory, 'patroni.yml')], {})
  }

  #spawn(program: string, args: readonly string[], env: Settings) {
    const log = openSync(join(this.#directory, `${program.split('/').at(-1)}.log`), 'a')
    // It has a session of its own, so that Ctrl-C reaches only the run, which cleans up.
    const child = spawn(program, args, {
      cwd: this.#directory,
      env: { PATH: process.env.PATH, HOME: this.#directory, LANG: 'C.UTF-8', ...env },
      stdio: ['ignore', log, log],
      detached: true,
      ...this.#account,
    })
    child.on('error', (error) => {
      throw error
    })
    child.unref()
  }

  /** Kills all processes at once, as a power failure would. */
  async kill() {
    this.#noteSharedMemory()
    while (this.#signal('SIGKILL', this.#processes()) > 0) await sleep(10)
  }

  killPatroni() {
    const isPatroni = (pid: number) => readProc(pid, 'cmdline').includes('/usr/bin/patroni')
    return this.#signal('SIGKILL', this.#processes().filter(isPatroni))
  }

  /** Ends the replication that it receives. PostgreSQL starts it again. */
  dropReplication() {
    const isReceiver = (pid: number) => /^postgres: .*walreceiver/.test(readProc(pid, 'cmdline'))
    return this.#signal('SIGTERM', this.#processes().filter(isReceiver))
  }

  killPostgres() {
    this.#noteSharedMemory()
    return this.#signal('SIGKILL', [this.#postmaster()])
  }

  /** Stops all processes, as if the machine hung. A machine without a network would go on. */
  async freeze() {
    const isRunning = (pid: number) => !/^State:\s+[TZ]/m.test(readProc(pid, 'status'))
    while (this.#signal('SIGSTOP', this.#processes().filter(isRunning)) > 0) await sleep(10)
  }

  thaw() {
    return this.#signal('SIGCONT', this.#processes())
  }

  /** Ends all processes. PostgreSQL shuts down first, so that it frees its shared memory. */
  async end() {
    this.thaw()
    this.killPatroni()
    if (this.#signal('SIGQUIT', [this.#postmaster()]) > 0) {
      for (let tries = 0; tries < 50 && readProc(this.#postmaster(), 'stat'); tries++) {
        await sleep(100)
      }
    }
    await this.kill()
    for (const [place, id] of this.#sharedMemory) {
      if (place.startsWith('/SYSV')) spawnSync('ipcrm', ['-m', id])
      else rmSync(place, { force: true })
    }
  }

  #noteSharedMemory() {
    for (const pid of this.#processes()) {
      const places = readProc(pid, 'maps').matchAll(
        / (\d+) +(\/dev\/shm\/PostgreSQL\.\d+|\/SYSV\w+)/g,
      )
      for (const [, id = '', place = ''] of places) this.#sharedMemory.set(place, id)
    }
  }

  #postmaster() {
    try {
      return Number(
        readFileSync(join(this.#settings.POSTGRES_DATA, 'postmaster.pid'), 'utf8').split('\n')[0],
      )
    } catch {
      return undefined
    }
  }

  #processes() {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => this.#isOwn(pid))
  }

  #isOwn(pid: number) {
    try {
      return `${readlinkSync(`/proc/${pid}/cwd`)}/`.startsWith(`${this.#directory}/`)
    } catch {
      // The process has just ended, or is a thread of the kernel.
      return false
    }
  }

  /**
   * Returns how many processes got the signal. A stale file may name a process of another machine,
   * which gets none.
   */
  #signal(signal: NodeJS.Signals, pids: readonly (number | undefined)[]) {
    let signalled = 0
    for (const pid of pids) {
      if (pid === undefined || !this.#isOwn(pid)) continue
      try {
        process.kill(pid, signal)
        signalled++
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
    return signalled
  }
}

/** Returns an empty string if the process has ended. */
function readProc(pid: number | undefined, file: string) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
