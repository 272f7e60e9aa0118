import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startDatabase, stopDatabase } from '@ports/db'
import { tryLock } from 'fs-native-extensions'
import { Server } from './Server.js'

const STOP_TIMEOUT_MS = 5_000

/** The embedded server. The first worker that needs it after a crash starts it. */
export class EmbeddedServer extends Server {
  static async start(home: string) {
    process.env.PORTS_HOME = home
    const { dataDirectory, socketDirectory, serverVersion } = await startDatabase({
      notify: () => {},
    })
    const server = new EmbeddedServer(String(dataDirectory), String(socketDirectory))
    server.version = `${serverVersion} (embedded)`
    return server
  }

  override async startAgain() {
    await startDatabase({ notify: () => {} })
  }

  async stop() {
    await stopDatabase()
  }

  /**
   * Restarts it with this environment and the same arguments. Returns false if a worker started it
   * first.
   */
  async restartWith(environment: Record<string, string>) {
    const pid = this.postmasterPid()
    if (pid === undefined) return false
    const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      .split('\0')
      .slice(0, -1)
    const { uid, gid } = statSync(this.dataDirectory)
    const giveUpAt = performance.now() + STOP_TIMEOUT_MS
    process.kill(pid, 'SIGINT')
    while (this.postmasterPid() === pid) {
      // A request to stop can be lost on a server that is recovering.
      if (performance.now() > giveUpAt) return false
      await sleep(2)
    }
    // The server holds this lock so that no other machine starts a second one.
    const lock = openSync(join(this.dataDirectory, 'ports-server.lock'), 'r+')
    if (!tryLock(lock)) {
      closeSync(lock)
      return false
    }
    const log = openSync(this.log.path, 'a')
    const postmaster = spawn(program, args, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log, lock],
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH ?? '', ...environment },
      ...(process.getuid?.() === 0 && { uid, gid }),
    })
    closeSync(log)
    closeSync(lock)
    postmaster.unref()
    const ended = once(postmaster, 'exit').then(
      () => true,
      () => true,
    )
    // A postmaster exits at once if the directory is in use.
    if (await Promise.race([ended, sleep(700)])) return false
    return this.postmasterPid() === postmaster.pid
  }
}
