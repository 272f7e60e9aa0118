import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DatabaseStatus } from '@ports/db'
import { CLI } from './childProcess.js'
import type { Context } from './Section.js'

/**
 * Starts a registry with a server of its own, for measurements of whole processes, whatever server
 * the rest of the run uses. Ctrl-C stops it at once, before the home of the run is removed.
 */
export function ownRegistry({ home: parent, signal }: Pick<Context, 'home' | 'signal'>) {
  const home = mkdtempSync(join(parent, 'registry-'))
  // The server's account must be able to enter, also if this runs as root.
  chmodSync(home, 0o755)
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    PORTS_HOME: home,
    PORTS_PASS_OVER: 'none',
  }
  const ports = (...args: string[]) =>
    execFileSync(process.execPath, [CLI, ...args], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim()
  const status = () => JSON.parse(ports('db', 'status', '--json')) as DatabaseStatus
  const close = () => {
    signal.removeEventListener('abort', close)
    const { dataDirectory } = status()
    ports('db', 'stop')
    if (dataDirectory) rmSync(dirname(dataDirectory), { recursive: true, force: true })
  }
  signal.addEventListener('abort', close)
  ports('db', 'start')
  return { home, env, ports, status, [Symbol.dispose]: close }
}
