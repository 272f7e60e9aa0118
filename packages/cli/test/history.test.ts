import { portsOn } from '@ports/testkit'
import { freshDatabase, sql } from '@ports/testkit/vitest'
import { beforeAll, describe, expect, test, vi } from 'vitest'

/** Waits until every earlier change can be read. */
async function settled(url: string): Promise<void> {
  const hidden = `
    select from ports.events
    where xid >= pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())`
  await vi.waitFor(async () => expect(await sql(url, hidden)).toEqual([]), { timeout: 30_000 })
}

let url: string
let ports: ReturnType<typeof portsOn>
beforeAll(async () => {
  url = await freshDatabase()
  ports = portsOn(url, { PORTS_ACTOR: 'ada' })
  await ports('get', 'odin', 'api')
  await ports('update', 'odin', 'api', '--type', 'http')
  await ports('release', 'odin', 'api')
  await ports('get', 'odin', 'web', '--instance', 'login')
  await portsOn(url, { PORTS_ACTOR: 'bob' })('get', 'odin', 'dns', '--protocol', 'udp')
  await ports('range', 'resize', 'odin', '--start', '3300', '--end', '3349')
  await settled(url)
})

const WHEN = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/gm

/** The output of the command, with every time as TIME and single blanks. */
async function shown(...args: string[]): Promise<string[]> {
  const { stdout, stderr, status } = await ports('history', ...args)
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  return stdout.trimEnd().replace(WHEN, 'TIME').replace(/ +/g, ' ').split('\n')
}

/** The kinds of events and their services, newest first. */
async function happened(...args: string[]): Promise<string[]> {
  const { stdout } = await ports('history', ...args, '--json')
  return JSON.parse(stdout).map(
    (event: { what: string; serviceName?: string; port?: number }) =>
      `${event.what} ${event.serviceName ?? '-'} ${event.port ?? '-'}`,
  )
}

describe('history', () => {
  test('shows who had a number, newest first', async () => {
    expect(await shown('--port', '3300')).toEqual([
      'WHEN PORT WHAT WHOSE SCOPE ACTOR CHANGE',
      'TIME 3300 allocated odin/dns localhost/udp bob -',
      'TIME 3300 allocated odin/web@login localhost/tcp ada -',
      'TIME 3300 released odin/api localhost/tcp ada -',
      'TIME 3300 updated odin/api localhost/tcp ada serviceType: - → http',
      'TIME 3300 allocated odin/api localhost/tcp ada -',
    ])
  })

  test('shows the changes of ranges beside those of ports', async () => {
    const [, newest] = await shown('odin')
    expect(newest).toBe('TIME - range-resized odin - ada range: 3300-3399 → 3300-3349')
    expect(await happened('odin')).toHaveLength(7)
  })

  test('is narrowed by project, service, number and caller', async () => {
    expect(await happened('odin', 'web')).toEqual(['allocated web 3300'])
    expect(await happened('odin', 'api', '--port', '3300')).toEqual([
      'released api 3300',
      'updated api 3300',
      'allocated api 3300',
    ])
    expect(await happened('--actor', 'bob')).toEqual(['allocated dns 3300'])
    expect(await happened('consilio')).toEqual(['range-created - -'])
  })

  test('is narrowed to what is younger than an age or than a time', async () => {
    for (const since of ['1h', '3600s', '60m', '2d', '1w', '2026-01-01', '2026-01-01T00:00Z']) {
      expect(await happened('odin', '--since', since), since).toHaveLength(7)
    }
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString()
    for (const since of [tomorrow, tomorrow.slice(0, 10), tomorrow.replace('Z', '+00:00')]) {
      expect(await ports('history', '--since', since)).toEqual({
        stdout: '',
        stderr: 'No such change is known.\n',
        status: 0,
      })
    }
    const [newest, second] = JSON.parse((await ports('history', 'odin', '--json')).stdout)
    expect(await happened('odin', '--since', newest.at)).toHaveLength(1)
    expect(await happened('odin', '--since', second.at)).toHaveLength(2)
  })

  test('says on stderr that there are older changes', async () => {
    const more = 'There are older changes. To see more of them: --limit <count>, up to 1000.\n'
    const { stdout, stderr, status } = await ports('history', 'odin', '--limit', '2', '--json')
    expect(JSON.parse(stdout)).toMatchObject([{ what: 'range-resized' }, { serviceName: 'dns' }])
    expect({ stderr, status }).toEqual({ stderr: more, status: 0 })
  })

  test('has all that is known of a change in JSON', async () => {
    const { stdout } = await ports('history', 'odin', 'api', '--json')
    expect(JSON.parse(stdout)[1]).toEqual({
      id: expect.stringMatching(/^\d+$/),
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      actor: 'ada',
      role: expect.any(String),
      call: 'update_ports',
      what: 'updated',
      projectName: 'odin',
      serviceName: 'api',
      instance: '',
      hostname: 'localhost',
      protocol: 'tcp',
      port: 3300,
      allocationId: expect.stringMatching(/^\d+$/),
      after: { serviceType: 'http' },
    })
  })

  test.each([
    ['--since', 'yesterday', 'since'],
    ['--since', '', 'since'],
    ['--since', '7', 'since'],
    ['--since', '2026-13-01', 'since'],
    ['--since', '26-11-2026', 'since'],
    ['--since', '999999w', 'since'],
    ['--limit', '0', 'limit'],
    ['--limit', '1001', 'limit'],
    ['--limit', 'all', 'limit'],
    ['--port', '70000', 'port'],
  ])('refuses %s %j', async (option, value, field) => {
    const nowhere = portsOn('postgresql://127.0.0.1:1/nothing')
    const { stdout, stderr, status } = await nowhere('history', option, value, '--json')
    expect({ stdout, status }).toEqual({ stdout: '', status: 2 })
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'INVALID_ARGUMENT', details: { field } },
    })
  })
})
