import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { environmentOn, portsOn } from '@ports/testkit'
import { freshDatabase, skipBecause } from '@ports/testkit/vitest'
import { beforeEach, describe, expect, test } from 'vitest'
import { hasScript, SCRIPT, typed } from './script.js'

let url: string
let ports: ReturnType<typeof portsOn>
beforeEach(async () => {
  url = await freshDatabase()
  ports = portsOn(url)
  await ports('get', 'consilio', 'api')
  await ports('get', 'consilio', 'web')
  await ports('allocate', 'consilio', 'api')
  await ports('get', 'consilio', 'api', '--protocol', 'udp')
  await ports('get', 'consilio', 'web', '--hostname', 'db1')
  await ports('get', 'consilio', 'web', '--instance', 'login')
  await ports('get', 'odin', 'web')
})

async function held(): Promise<string[]> {
  const { stdout } = await ports('list', '--json')
  return JSON.parse(stdout).map(
    (it: { port: number; hostname: string; protocol: string }) =>
      `${it.hostname}:${it.port}/${it.protocol}`,
  )
}

const ALL = [
  'db1:3100/tcp',
  'localhost:3100/tcp',
  'localhost:3100/udp',
  'localhost:3101/tcp',
  'localhost:3102/tcp',
  'localhost:3103/tcp',
  'localhost:3300/tcp',
]
const OTHERS = ['db1:3100/tcp', 'localhost:3103/tcp', 'localhost:3300/tcp']

const all = ['release', 'consilio', '--all-services']

describe('release --all-services', () => {
  test('releases every service of the project, on this host and in this instance', async () => {
    expect(await ports(...all, '--yes')).toEqual({
      stdout: '',
      stderr:
        'Released 3100/tcp, 3100/udp, 3102/tcp of consilio/api.\n' +
        'Released 3101/tcp of consilio/web.\n' +
        'Other instances hold some: --instance login\n',
      status: 0,
    })
    expect(await held()).toEqual(OTHERS)
    expect(await ports(...all, '--yes')).toEqual({
      stdout: '',
      stderr:
        'Nothing to release: consilio holds no such port on localhost.\n' +
        'Other instances hold some: --instance login\n',
      status: 1,
    })
    expect((await ports(...all, '-y', '--hostname', 'db1')).stderr).toBe(
      'Released 3100/tcp of consilio/web.\n',
    )
    expect((await ports(...all, '-y', '--instance', 'login')).stderr).toBe(
      'Released 3103/tcp of consilio/web@login.\n',
    )
    expect(await held()).toEqual(['localhost:3300/tcp'])
  })

  test('has what it released in JSON', async () => {
    const { stdout } = await ports(...all, '--yes', '--protocol', 'udp', '--json')
    expect(JSON.parse(stdout)).toEqual({
      released: true,
      projectName: 'consilio',
      instance: '',
      ports: [{ port: 3100, protocol: 'udp', serviceName: 'api' }],
      otherInstances: ['login'],
    })
  })

  test('without a terminal and --yes releases nothing, and says what it would', async () => {
    expect(await ports(...all)).toEqual({
      stdout: '',
      stderr:
        'error: These ports on localhost would be released:\n' +
        '  3100/tcp, 3100/udp, 3102/tcp of consilio/api\n' +
        '  3101/tcp of consilio/web\n' +
        'There is no terminal to ask on. To do it without being asked: --yes\n',
      status: 2,
    })
    expect(await held()).toEqual(ALL)
  })

  test('is refused beside a service or a number, and so is neither', async () => {
    for (const args of [
      ['release', 'consilio', 'api', '--all-services', '--yes'],
      ['release', 'consilio', '--yes'],
    ]) {
      expect(await ports(...args)).toMatchObject({
        stderr: expect.stringContaining('give a service, or --all-services'),
        status: 2,
      })
    }
    expect(await ports(...all, '--yes', '--port', '3100')).toMatchObject({ status: 2 })
    expect(await ports(...all, '--yes', '--protocol', 'sctp')).toMatchObject({ status: 2 })
    expect(await held()).toEqual(ALL)
  })
})

/** Types an answer on a terminal when the command asks. */
async function answering(answer: string) {
  const child = spawn(SCRIPT, typed(all.join(' ')), { env: environmentOn(url) })
  let shown = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    shown += text
    if (shown.includes('[y/N] ') && child.stdin.writable) child.stdin.end(answer)
  })
  const [status] = await once(child, 'close')
  return { shown: shown.replaceAll('\r', ''), status }
}

describe('release --all-services on a terminal', () => {
  beforeEach(({ skip }) => {
    if (!hasScript) skipBecause(skip, 'script of util-linux is not installed')
  })

  test('lists what will go, and goes on after a yes', async () => {
    const { shown, status } = await answering('y\n')
    expect(status).toBe(0)
    expect(shown).toContain('  3101/tcp of consilio/web\nRelease them? [y/N] ')
    expect(shown).toContain('Released 3101/tcp of consilio/web.\n')
    expect(await held()).toEqual(OTHERS)
  })

  test('releases nothing after any other answer, nor after Ctrl-C or Ctrl-D', async () => {
    for (const [answer, expected] of [
      ['no\n', 1],
      ['\n', 1],
      ['yesterday\n', 1],
      ['\x04', 1],
      ['\x03', 130],
    ] as const) {
      const { shown, status } = await answering(answer)
      expect(status, JSON.stringify(answer)).toBe(expected)
      if (expected === 1) expect(shown).toContain('Nothing was released.')
      expect(await held()).toEqual(ALL)
    }
  })
})
