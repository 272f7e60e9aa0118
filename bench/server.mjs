import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { databaseStatus, startDatabase, stopDatabase } from '@ports/db'
import { useOwnSettings } from '../test/ownSettings.mjs'

/**
 * The server that all is measured on. `stop` leaves nothing of it, also when `start` has not come
 * to its end.
 * @typedef {object} Server
 * @property {() => Promise<string>} start the URL of a database from which others can be made
 * @property {() => Promise<void>} stop
 */

/**
 * A home of its own, so that the registry of the user who runs this is not touched. Open to all, so
 * that the server's own account can enter it under root too.
 */
export function makeHome() {
  const home = mkdtempSync(join(tmpdir(), 'ports-bench-'))
  chmodSync(home, 0o755)
  process.env.PORTS_HOME = home
  useOwnSettings(home)
  // The listeners of this machine must not matter.
  process.env.PORTS_PASS_OVER = 'none'
  return home
}

/** @returns {Server} */
export function embeddedServer() {
  return {
    async start() {
      const { socketDirectory } = await startDatabase({ notify: () => {} })
      return urlAt(socketDirectory)
    },
    async stop() {
      await stopDatabase()
      const { dataDirectory } = await databaseStatus()
      if (dataDirectory) rmSync(dirname(dataDirectory), { recursive: true, force: true })
    },
  }
}

/**
 * Somebody else's, which goes on afterwards.
 * @param {string} url
 * @returns {Server}
 */
export function foreignServer(url) {
  return { start: async () => url, stop: async () => {} }
}

/**
 * One made from these programs, with the settings of the embedded one. Root may not run it, so there
 * it belongs to the account `postgres`, which comes with them.
 * @param {string} programs
 * @param {string} home
 * @returns {Server}
 */
export function serverFrom(programs, home) {
  const directory = join(home, 'server')
  const data = join(directory, 'data')
  const run = (name, args) => {
    const { status, error, stderr } = spawnSync(join(programs, name), args, {
      cwd: '/',
      encoding: 'utf8',
      // pg_ctl may keep the pipes of its server open, and would then never be seen to end.
      stdio: ['ignore', 'ignore', name === 'initdb' ? 'pipe' : 'ignore'],
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH },
      ...(process.getuid() === 0 && accountOfPostgres()),
    })
    if (error) throw error
    if (status !== 0) throw new Error(`${name} failed: ${stderr ?? join(directory, 'log')}`)
  }
  return {
    async start() {
      mkdirSync(directory, { mode: 0o700 })
      if (process.getuid() === 0) {
        const { uid, gid } = accountOfPostgres()
        chownSync(directory, uid, gid)
      }
      run('initdb', ['-D', data, '-U', 'ports', '-E', 'UTF8', '--locale', 'C', '-A', 'trust'])
      const settings = {
        listen_addresses: `''`,
        unix_socket_directories: directory,
        max_connections: 300,
        shared_buffers: '32MB',
        max_wal_size: '256MB',
        jit: 'off',
      }
      const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`)
      const log = join(directory, 'log')
      run('pg_ctl', ['-D', data, '-w', '-l', log, '-o', options.join(' '), 'start'])
      return urlAt(directory)
    },
    async stop() {
      const isRunning = statSync(join(data, 'postmaster.pid'), { throwIfNoEntry: false })
      if (isRunning) run('pg_ctl', ['-D', data, '-w', '-m', 'fast', 'stop'])
    },
  }
}

function accountOfPostgres() {
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number.parseInt(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout, 10),
  )
  if (!uid || !gid) throw new Error('--postgres under root needs an account named postgres')
  return { uid, gid }
}

function urlAt(socketDirectory) {
  return `postgresql://ports@localhost/postgres?host=${encodeURIComponent(socketDirectory)}`
}
