import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { CLI, ended, environmentOn, portsOn, tcpServer } from '@ports/testkit'
import { freshDatabase, makeWritesSleep, sql } from '@ports/testkit/vitest'
import { describe, expect, test, vi } from 'vitest'
import { untilWaiting } from '../../db/test/sessions.js'

const quoted = [process.execPath, CLI].map((word) => `'${word}'`).join(' ')

const EVERYTHING = `
  select
    (select json_agg(row order by port_number) from ports.allocations as row) as held,
    (select json_agg(row order by start_port) from ports.ranges as row) as ranges,
    (select json_agg(row order by xid, id) from ports.events as row) as events`

describe('in a shell', () => {
  test('PORT=$(ports get …) is exactly the number', async () => {
    const env = environmentOn(await freshDatabase())
    const script = `PORT=$(${quoted} get consilio web) && printf '[%s]' "$PORT"`
    expect(await ended('sh', ['-c', script], env)).toEqual({
      stdout: '[3100]',
      stderr: 'Allocated just now: consilio/web had no port on localhost/tcp.\n',
      status: 0,
    })
  })

  test('a reader that has read enough is no error', async () => {
    const url = await freshDatabase()
    const child = spawn(process.execPath, [CLI, 'summary'], { env: environmentOn(url) })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (text) => {
      stderr += text
    })
    const [status] = await once(child, 'close')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  test.skipIf(process.platform !== 'linux')('a result that cannot be written is one', async () => {
    const env = environmentOn(await freshDatabase())
    const full = await ended('sh', ['-c', `${quoted} summary > /dev/full`], env)
    expect(full).toMatchObject({ stdout: '', status: 74 })
  })

  test('Ctrl-C ends a command that waits, with 130', async () => {
    const connections = new EventEmitter()
    await using server = await tcpServer(() => connections.emit('made'))
    const connected = once(connections, 'made')
    const args = [CLI, 'get', 'consilio', 'api']
    const child = spawn(process.execPath, args, { env: environmentOn(server.url) })
    await connected
    child.kill('SIGINT')
    expect(await once(child, 'close')).toEqual([130, null])
  })

  test.each([
    'get consilio api',
    'allocate consilio api',
    'release consilio web',
    'update consilio web --type http',
    'audit',
    'range create blog --size 10',
    'range create blog --start 4000 --end 4009',
    'range resize consilio --start 3100 --end 3150',
    'range delete odin',
  ])('Ctrl-C leaves no backend of %s at work', async (command) => {
    const url = await freshDatabase()
    await portsOn(url)('get', 'consilio', 'web')
    const before = await sql(url, EVERYTHING)
    const wakeUp = await makeWritesSleep(url)
    const child = spawn(process.execPath, [CLI, ...command.split(' ')], {
      env: environmentOn(url),
    })
    const closed = once(child, 'close')
    const backend = await untilWaiting(url, 'application_name = $1', 'ports')
    child.kill('SIGINT')
    expect(await closed).toEqual([130, null])
    await vi.waitUntil(
      async () => {
        const atWork = `select from pg_stat_activity where pid = $1 and state = 'active'`
        return (await sql(url, atWork, [backend])).length === 0
      },
      // Less than the 25 s after which the server ends a statement of a caller that is gone.
      { interval: 10, timeout: 15_000 },
    )
    await wakeUp()
    expect(await sql(url, EVERYTHING)).toEqual(before)
  })
})

describe('help', () => {
  const ports = portsOn('postgresql://127.0.0.1:1/nothing')

  test('shows the commands in groups, the exit statuses and the environment', async () => {
    const { stdout, stderr, status } = await ports('--help')
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
    for (const part of ['Ports:', 'Administration:', 'Exit status:', 'PORTS_DATABASE_URL']) {
      expect(stdout).toContain(part)
    }
    expect(await ports('help')).toMatchObject({ stdout, status: 0 })
  })

  test.each([
    ...['get', 'allocate', 'release', 'update', 'list', 'summary', 'verify', 'audit', 'completion'],
    ...['range list', 'range create', 'range resize', 'range delete'],
    ...['db status', 'db start', 'db stop', 'db migrate', 'db seed'],
  ])('of %s has an example', async (command) => {
    const { stdout, status } = await ports(...command.split(' '), '--help')
    expect(status).toBe(0)
    expect(stdout).toContain(`Usage: ports ${command} `)
    expect(stdout).toMatch(new RegExp(`\nExamples?:\n  .*ports ${command}`))
  })

  test('is not needed to learn the version', async () => {
    const { version } = JSON.parse(
      readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
    )
    expect(await ports('--version')).toEqual({ stdout: `${version}\n`, stderr: '', status: 0 })
  })
})

describe('completion', () => {
  const ports = portsOn('postgresql://127.0.0.1:1/nothing')

  test('prints a script that bash accepts', async () => {
    const { stdout, status } = await ports('completion', 'bash')
    expect(status).toBe(0)
    const checked = await ended('bash', ['-n', '-c', stdout], environmentOn(''))
    expect(checked).toEqual({ stdout: '', stderr: '', status: 0 })
  })

  test('does not run what is typed', async () => {
    const { stdout: script } = await ports('completion', 'bash')
    const typed = ['ports', 'get', '$(echo RUN >&2)', '`echo RUN >&2`', '; echo RUN >&2', '']
    const pressTab = `${script}
      COMP_WORDS=(${typed.map((word) => `'${word}'`).join(' ')}) COMP_CWORD=5
      ports() { printf 'get\\tthe port\\n:4\\n'; }
      _ports
      echo "\${COMPREPLY[*]}"`
    expect(await ended('bash', ['-c', pressTab], environmentOn(''))).toEqual({
      stdout: 'get\n',
      stderr: '',
      status: 0,
    })
  })

  test.each(['zsh', 'fish'])('prints a script for %s', async (shell) => {
    const { stdout, status } = await ports('completion', shell)
    expect(status).toBe(0)
    expect(stdout).toContain('ports complete --')
  })

  test('completes commands, options and their values', async () => {
    const completed = async (...words: string[]) => {
      const { stdout } = await ports('complete', '--', ...words)
      return stdout.split('\n').map((line) => line.split('\t')[0])
    }
    expect(await completed('ge')).toContain('get')
    expect(await completed('')).not.toContain('complete')
    expect(await completed('range', 'res')).toContain('resize')
    expect(await completed('get', 'consilio', 'api', '--hos')).toContain('--hostname')
    expect(await completed('get', 'consilio', 'api', '--protocol', '')).toContain('udp')
    expect(await completed('completion', '')).toEqual(['bash', 'zsh', 'fish', ':4', ''])
  })
})
