import { spawnSync } from 'node:child_process'
import { appendFileSync, chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestServer } from './server.js'

/** PostgreSQL refuses to run as root; every system has this account. */
const ACCOUNT_UNDER_ROOT = 'nobody'

/** The server whose programs are in that directory, with its data in the other. */
export async function startInstalled(bin: string, directory: string): Promise<TestServer> {
  const account = process.getuid!() === 0 ? idsOf(ACCOUNT_UNDER_ROOT) : undefined
  const run = (program: string, ...args: string[]) => {
    const { status, error, stderr } = spawnSync(join(bin, program), args, {
      cwd: '/',
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH },
      // The server keeps what it is given, so nothing would ever close a pipe.
      stdio: ['ignore', 'ignore', program === 'initdb' ? 'pipe' : 'inherit'],
      encoding: 'utf8',
      ...account,
    })
    if (status !== 0) throw error ?? new Error(`${program} ended with ${status}: ${stderr}`)
  }

  const data = join(directory, 'data')
  // Only its account can enter, so everybody who can is let in.
  const sockets = join(directory, 'run')
  for (const path of [data, sockets]) {
    mkdirSync(path, { mode: 0o700 })
    if (account) chownSync(path, account.uid, account.gid)
  }
  run('initdb', '-D', data, '-U', 'ports', '-E', 'UTF8', '--locale=C', '--auth=trust')
  appendFileSync(
    join(data, 'postgresql.conf'),
    `listen_addresses = ''
     unix_socket_directories = '${sockets}'
     max_connections = 300
     timezone = 'UTC'
    `,
  )
  run('pg_ctl', '-D', data, '-l', join(data, 'log'), '--silent', '--wait', 'start')
  return {
    socketDirectory: sockets,
    stop: async () => run('pg_ctl', '-D', data, '--silent', '--mode=fast', 'stop'),
  }
}

function idsOf(name: string): { uid: number; gid: number } {
  const [uid, gid] = ['-u', '-g'].map((flag) => {
    const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`This system has no account ${name}.`)
    return Number(stdout)
  })
  return { uid: uid!, gid: gid! }
}
