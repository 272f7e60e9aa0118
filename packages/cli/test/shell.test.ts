import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { freshDatabase } from '../../../test/database.js'
import { BINARY, ended, environmentOn, portsOn } from './ports.js'
import { tcpServer } from './tcpServer.js'

const quoted = [process.execPath, BINARY].map((word) => `'${word}'`).join(' ')

describe('in a shell', () => {
  test('PORT=$(ports get …) is exactly the number', async () => {
    const env = environmentOn(await freshDatabase())
    const script = `PORT=$(${quoted} get consilio web) && printf '[%s]' "$PORT"`
    expect(await ended('sh', ['-c', script], env)).toEqual({
      stdout: '[3100]',
      stderr: '',
      status: 0,
    })
  })

  test('a reader that has read enough is no error', async () => {
    const url = await freshDatabase()
    const child = spawn(process.execPath, [BINARY, 'summary'], { env: environmentOn(url) })
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
    const args = [BINARY, 'get', 'consilio', 'api']
    const child = spawn(process.execPath, args, { env: environmentOn(server.url) })
    await connected
    child.kill('SIGINT')
    expect(await once(child, 'close')).toEqual([130, null])
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
