import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EmbeddedServer } from '@ports/testkit'
import { tryLock } from 'fs-native-extensions'

const STOP_TIMEOUT_MS = 5_000

/**
 * Restarts the server with this environment and the same arguments. Returns false if a worker
 * started it first.
 */
export async function restartWith(environment: Record<string, string>, server: EmbeddedServer) {
  const pid = server.postmasterPid()
  if (pid === undefined) return false
  const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    .split('\0')
    .slice(0, -1)
  const { uid, gid } = statSync(server.dataDirectory)
  const giveUpAt = performance.now() + STOP_TIMEOUT_MS
  process.kill(pid, 'SIGINT')
  while (server.postmasterPid() === pid) {
    // A request to stop can be lost on a server that is recovering.
    if (performance.now() > giveUpAt) return false
    await sleep(2)
  }
  // The server holds this lock so that no other machine starts a second one.
  const lock = openSync(join(server.dataDirectory, 'ports-server.lock'), 'r+')
  if (!tryLock(lock)) {
    closeSync(lock)
    return false
  }
  const log = openSync(server.logPath, 'a')
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
  return server.postmasterPid() === postmaster.pid
}
