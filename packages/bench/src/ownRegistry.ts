import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import type { DatabaseStatus } from '@ports/db'
import { CLI, cleanEnvironment, tempDirectory } from '@ports/testkit'

/**
 * Starts a registry with a server of its own, for measurements of whole processes on any server of
 * the run. Ctrl-C removes it at once.
 */
export function ownRegistry(signal: AbortSignal) {
  const home = tempDirectory('ports-bench-')
  const env = cleanEnvironment({ HOME: home, PORTS_HOME: home })
  const ports = (...args: string[]) =>
    execFileSync(process.execPath, [CLI, ...args], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim()
  const status = () => JSON.parse(ports('db', 'status', '--json')) as DatabaseStatus
  const remove = () => {
    signal.removeEventListener('abort', remove)
    ports('db', 'stop')
    rmSync(home, { recursive: true, force: true })
  }
  signal.addEventListener('abort', remove)
  ports('db', 'start')
  return { env, ports, status, [Symbol.dispose]: remove }
}
