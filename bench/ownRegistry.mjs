import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CLI, environmentOf } from './childProcess.mjs'

/**
 * A registry with a running server of its own, for what is measured as whole processes, on whatever
 * server the rest of the run is. Stopped by a Ctrl-C as well: in step, before the run's home goes.
 * @param {Pick<import('./run.mjs').Context, 'home' | 'signal'>} context
 */
export function ownRegistry({ home: parent, signal }) {
  const home = mkdtempSync(join(parent, 'registry-'))
  // So that under root the server's account can enter, and all of it goes with the home.
  chmodSync(home, 0o755)
  const env = environmentOf(home)
  const ports = (...args) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
      env,
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`ports ${args.join(' ')}: ${stderr}`)
    return stdout.trim()
  }
  const close = () => {
    signal.removeEventListener('abort', close)
    const { dataDirectory } = status()
    ports('db', 'stop')
    if (dataDirectory) rmSync(dirname(dataDirectory), { recursive: true, force: true })
  }
  const status = () => JSON.parse(ports('db', 'status', '--json'))
  signal.addEventListener('abort', close)
  ports('db', 'start')
  return { home, env, ports, status, close }
}
