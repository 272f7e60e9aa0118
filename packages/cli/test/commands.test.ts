import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { portsOn, tcpServer } from '@ports/testkit'
import {
  emptyDatabase,
  freshDatabase,
  skipBecause,
  sql,
  unmigratedDatabase,
} from '@ports/testkit/vitest'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'

type Ports = ReturnType<typeof portsOn>

async function freshPorts(): Promise<Ports> {
  return portsOn(await freshDatabase())
}

/** Linux shows whose a socket is, macOS does not. */
const shownUid = process.platform === 'linux' ? { uid: process.getuid!() } : {}

const done = (stdout: string) => ({ stdout, stderr: '', status: 0 })

/** The standard output of a command that may also have written to stderr. */
const printed = (stdout: string) => ({ stdout, status: 0 })

describe('get', () => {
  test('prints only the lowest free port, and the same one every time', async () => {
    const ports = await freshPorts()
    expect(await ports('get', 'consilio', 'api')).toMatchObject(printed('3100\n'))
    expect(await ports('get', 'consilio', 'web')).toMatchObject(printed('3101\n'))
    expect(await ports('get', 'consilio', 'api')).toEqual(done('3100\n'))
  })

  test('gives one service one port in every scope', async () => {
    const ports = await freshPorts()
    const get = ['get', 'consilio', 'api']
    expect(await ports(...get, '--protocol', 'udp')).toMatchObject(printed('3100\n'))
    expect(await ports(...get, '--hostname', 'DB1.example.org')).toMatchObject(printed('3100\n'))
    const { stdout } = await ports('list', 'consilio', '--json')
    expect(JSON.parse(stdout)).toMatchObject([
      { port: 3100, hostname: 'db1.example.org', protocol: 'tcp' },
      { port: 3100, hostname: 'localhost', protocol: 'udp' },
    ])
  })

  test('stores what is said about the service', async () => {
    const ports = await freshPorts()
    await ports(
      ...['get', 'consilio', 'api', '--type', 'http', '--description', 'the API'],
      ...['--cloudflare-hostname', 'api.example.org'],
    )
    const { stdout } = await ports('list', '--json')
    expect(JSON.parse(stdout)).toMatchObject([
      { serviceType: 'http', description: 'the API', cloudflareHostname: 'api.example.org' },
    ])
  })

  test('prints JSON with --json, anywhere in the command line', async () => {
    const ports = await freshPorts()
    const result = {
      id: expect.any(String),
      port: 3100,
      projectName: 'consilio',
      serviceName: 'api',
      instance: '',
      hostname: 'localhost',
      protocol: 'tcp',
    }
    for (const [created, args] of [
      [true, ['get', 'consilio', 'api', '--json']],
      [false, ['--json', 'get', 'consilio', 'api']],
    ] as const) {
      const answer = JSON.parse((await ports(...args)).stdout)
      expect(answer).toEqual({ ...result, created, skipped: [] })
    }
  })

  test('uses PORTS_HOSTNAME as the name of this host', async () => {
    const ports = portsOn(await freshDatabase(), { PORTS_HOSTNAME: 'mac-mini' })
    const { stdout } = await ports('get', 'consilio', 'api', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ hostname: 'mac-mini' })
  })

  test('opens the database that PORTS_DATABASE_URL names, and never that of DATABASE_URL', async () => {
    const ports = portsOn(await freshDatabase(), { DATABASE_URL: 'postgresql://127.0.0.1:1/app' })
    expect(await ports('get', 'consilio', 'api')).toMatchObject(printed('3100\n'))
  })
})

describe('allocate', () => {
  test('prints another port each time', async () => {
    const ports = await freshPorts()
    expect(await ports('allocate', 'consilio', 'worker')).toEqual(done('3100\n'))
    expect(await ports('allocate', 'consilio', 'worker')).toEqual(done('3101\n'))
    const { stdout } = await ports('allocate', 'consilio', 'worker', '--type', 'queue', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ port: 3102, serviceName: 'worker' })
  })
})

describe('release', () => {
  test('frees the ports of a service for the next one', async () => {
    const ports = await freshPorts()
    await ports('get', 'consilio', 'api')
    expect(await ports('release', 'consilio', 'api')).toEqual({
      stdout: '',
      stderr: 'Released 3100/tcp of consilio/api.\n',
      status: 0,
    })
    expect(await ports('get', 'consilio', 'web')).toMatchObject(printed('3100\n'))
  })

  test('says which numbers it released', async () => {
    const ports = await freshPorts()
    await ports('get', 'consilio', 'worker', '--protocol', 'udp')
    await ports('allocate', 'consilio', 'worker')
    await ports('allocate', 'consilio', 'worker')
    const one = await ports('release', 'consilio', 'worker', '--port', '3101', '--json')
    expect(JSON.parse(one.stdout)).toEqual({
      released: true,
      projectName: 'consilio',
      serviceName: 'worker',
      instance: '',
      ports: [{ port: 3101, protocol: 'tcp' }],
    })
    expect((await ports('release', 'consilio', 'worker')).stderr).toBe(
      'Released 3100/tcp, 3100/udp of consilio/worker.\n',
    )
  })

  test('is narrowed by host, protocol and number', async () => {
    const ports = await freshPorts()
    await ports('allocate', 'consilio', 'worker')
    await ports('allocate', 'consilio', 'worker')
    await ports('get', 'consilio', 'worker', '--protocol', 'udp')
    await ports('get', 'consilio', 'worker', '--hostname', 'db1')
    const left = async () =>
      JSON.parse((await ports('list', '--json')).stdout).map(
        (held: { port: number; hostname: string; protocol: string }) =>
          `${held.hostname}:${held.port}/${held.protocol}`,
      )
    await ports('release', 'consilio', 'worker', '--port', '3101')
    expect(await left()).toEqual(['db1:3100/tcp', 'localhost:3100/tcp', 'localhost:3100/udp'])
    await ports('release', 'consilio', 'worker', '--protocol', 'udp')
    expect(await left()).toEqual(['db1:3100/tcp', 'localhost:3100/tcp'])
    await ports('release', 'consilio', 'worker', '--hostname', 'db1')
    expect(await left()).toEqual(['localhost:3100/tcp'])
  })

  test('ends with 1 if there is nothing to release', async () => {
    const ports = await freshPorts()
    const { stdout, stderr, status } = await ports('release', 'consilio', 'api')
    expect({ stdout, status }).toEqual({ stdout: '', status: 1 })
    expect(stderr).toBe('Nothing to release: consilio/api holds no such port.\n')
    const asJson = await ports('release', 'consilio', 'api', '--json')
    expect(asJson).toMatchObject({ stderr: '', status: 1 })
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      released: false,
      ports: [],
      otherInstances: [],
    })
  })
})

describe('update', () => {
  test('sets what is given, clears with --no-…, and leaves the rest', async () => {
    const ports = await freshPorts()
    const now = async () => JSON.parse((await ports('list', '--json')).stdout)[0]
    await ports('get', 'consilio', 'api', '--type', 'http', '--description', 'old')
    expect(await ports('update', 'consilio', 'api', '--description', 'new')).toEqual({
      stdout: '',
      stderr: 'Updated consilio/api.\n',
      status: 0,
    })
    expect(await now()).toMatchObject({ serviceType: 'http', description: 'new' })
    const cleared = await ports('update', 'consilio', 'api', '--no-description', '--json')
    expect(JSON.parse(cleared.stdout)).toMatchObject({ updated: true })
    expect(await now()).toMatchObject({ serviceType: 'http' })
    expect(await now()).not.toHaveProperty('description')
  })

  test('changes this host alone, unless all are asked for', async () => {
    const ports = await freshPorts()
    await ports('get', 'consilio', 'api')
    await ports('get', 'consilio', 'api', '--hostname', 'beta')
    const types = async () =>
      JSON.parse((await ports('list', '--json')).stdout).map(
        ({ serviceType }: { serviceType?: string }) => serviceType,
      )
    await ports('update', 'consilio', 'api', '--type', 'http')
    expect(await types()).toEqual([undefined, 'http'])
    const everywhere = ['update', 'consilio', 'api', '--type', 'grpc', '--all-hosts']
    expect(await ports(...everywhere)).toEqual({
      stdout: '',
      stderr: 'Updated consilio/api.\n',
      status: 0,
    })
    expect(await types()).toEqual(['grpc', 'grpc'])
    expect(await ports(...everywhere, '--hostname', 'beta')).toMatchObject({ status: 2 })
    await ports('get', 'consilio', 'api', '--instance', 'login', '--hostname', 'gamma')
    await ports('release', 'consilio', 'api')
    await ports('release', 'consilio', 'api', '--hostname', 'beta')
    expect(await ports(...everywhere)).toMatchObject({
      stderr: expect.stringContaining('Other instances hold some: --instance login'),
      status: 1,
    })
  })

  test('ends with 1 if there is nothing to update', async () => {
    const ports = await freshPorts()
    expect(await ports('update', 'consilio', 'api', '--type', 'http')).toMatchObject({
      stdout: '',
      status: 1,
    })
  })

  test('refuses to change nothing', async () => {
    const ports = await freshPorts()
    expect(await ports('update', 'consilio', 'api')).toMatchObject({ stdout: '', status: 2 })
  })
})

describe('list', () => {
  let ports: Ports
  beforeAll(async () => {
    ports = await freshPorts()
    await ports('get', 'consilio', 'api', '--description', 'line one\nline two \x1b[31mred')
    await ports('get', 'odin', 'web')
  })

  test('shows a line per port, by number, with what control characters there are made visible', async () => {
    expect(await ports('list')).toEqual(
      done(
        [
          'PORT  PROJECT   SERVICE  SCOPE          STATUS     CHECKED  DESCRIPTION',
          '3100  consilio  api      localhost/tcp  allocated  never    line one\\u{a}line two \\u{1b}[31mred',
          '3300  odin      web      localhost/tcp  allocated  never    -',
          '',
        ].join('\n'),
      ),
    )
  })

  test('shows the ports of one project', async () => {
    const { stdout } = await ports('list', 'odin', '--json')
    expect(JSON.parse(stdout)).toMatchObject([{ port: 3300, projectName: 'odin' }])
  })

  test('shows the ports of a service, of a host or of a number', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'api')
    await ports('get', 'consilio', 'web')
    await ports('get', 'odin', 'api')
    await ports('get', 'odin', 'web', '--hostname', 'db1')
    const found = async (...args: string[]) =>
      JSON.parse((await ports('list', ...args, '--json')).stdout).map(
        (held: { port: number; serviceName: string }) => `${held.port} ${held.serviceName}`,
      )
    expect(await found('--service', 'web')).toEqual(['3101 web', '3300 web'])
    expect(await found('--hostname', 'DB1')).toEqual(['3300 web'])
    expect(await found('--hostname', '127.0.0.1', '--port', '3300')).toEqual(['3300 api'])
    expect(await found('consilio', '--service', 'api')).toEqual(['3100 api'])
    expect(await ports('list', '--port', '3999')).toEqual({
      stdout: '',
      stderr: 'No such port is held.\n',
      status: 0,
    })
  })

  test('says on stderr that there are none', async () => {
    const none = { stdout: '', stderr: 'No ports are held.\n', status: 0 }
    expect(await ports('list', 'openhorizon')).toEqual(none)
    expect(await ports('list', 'openhorizon', '--json')).toEqual(done('[]\n'))
  })
})

describe('hosts', () => {
  test('shows what each host holds, and when that last changed', async () => {
    const ports = await freshPorts()
    expect(await ports('hosts')).toEqual({ stdout: '', stderr: 'No host is known.\n', status: 0 })
    await ports('get', 'consilio', 'api')
    await ports('get', 'consilio', 'web')
    await ports('get', 'consilio', 'api', '--hostname', 'db1')
    await ports('release', 'consilio', 'api', '--hostname', 'db1')
    const { stdout, stderr, status } = await ports('hosts')
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
    expect(stdout.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')).toBe(
      'HOST       PORTS  LAST CHANGE\n' + 'db1            0  TIME\n' + 'localhost      2  TIME\n',
    )
    expect(JSON.parse((await ports('hosts', '--json')).stdout)).toEqual([
      { hostname: 'db1', allocations: 0, lastChangedAt: expect.stringMatching(/Z$/) },
      { hostname: 'localhost', allocations: 2, lastChangedAt: expect.stringMatching(/Z$/) },
    ])
  })
})

describe('summary', () => {
  test('shows one range or all of them', async () => {
    const ports = await freshPorts()
    await ports('get', 'consilio', 'api')
    const one = await ports('summary', 'consilio')
    expect(one).toEqual(
      done(
        [
          'PROJECT   RANGES     SCOPE          TOTAL  ALLOCATED  AVAILABLE  RESERVED  RESTING  UNUSABLE  USED %',
          'consilio  3100-3199  localhost/tcp    100          1         99         0        0         0       1',
          '',
        ].join('\n'),
      ),
    )
    const asJson = await ports('summary', 'consilio', '--protocol', 'udp', '--json')
    expect(JSON.parse(asJson.stdout)).toEqual({
      projectName: 'consilio',
      hostname: 'localhost',
      protocol: 'udp',
      startPort: 3100,
      endPort: 3199,
      ranges: [{ startPort: 3100, endPort: 3199 }],
      totalPorts: 100,
      allocatedPorts: 0,
      availablePorts: 100,
      reservedPorts: 0,
      restingPorts: 0,
      unusablePorts: 0,
      allocatableNow: 100,
      restSeconds: 0,
      utilizationPercent: 0,
    })
    const all = JSON.parse((await ports('summary', '--json')).stdout)
    expect(all.map((summary: { projectName: string }) => summary.projectName)).toEqual([
      'meta-supervisor',
      'consilio',
      'openhorizon',
      'odin',
      'health-agent',
      'quiculum-monitor',
      'shared-services',
    ])
  })

  test('of many ranges says nothing else, and shows them by number', async () => {
    const url = await emptyDatabase()
    await sql(
      url,
      `select ports.create_range('p' || nth, 3000 + nth, 3000 + nth)
       from generate_series(1, 300) as nth`,
    )
    const { stdout, stderr, status } = await portsOn(url)('summary', '--json')
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
    const starts = JSON.parse(stdout).map(({ startPort }: { startPort: number }) => startPort)
    expect(starts).toEqual(Array.from({ length: 300 }, (_, nth) => 3001 + nth))
  })

  test('says on stderr that no project has a range', async () => {
    const ports = portsOn(await emptyDatabase())
    expect(await ports('summary')).toEqual({
      stdout: '',
      stderr: 'No project has a range.\n',
      status: 0,
    })
  })
})

describe('verify', () => {
  test('ends with 0 if something listens, without a database', async () => {
    const ports = portsOn('postgresql://127.0.0.1:1/nothing')
    await using server = await tcpServer(() => {})
    const port = `${server.port}`
    expect(await ports('verify', port)).toEqual(done('listening\n'))
    expect(JSON.parse((await ports('verify', port, '--json')).stdout)).toEqual({
      port: server.port,
      hostname: 'localhost',
      protocol: 'tcp',
      listening: true,
      listeners: [{ address: '127.0.0.1', ...shownUid }],
    })
  })

  test('names every address that the number is in use on', async ({ skip }) => {
    const ports = portsOn('postgresql://127.0.0.1:1/nothing')
    await using server = await tcpServer(() => {})
    const other = createServer().listen(server.port, '::1')
    onTestFinished(() => {
      other.close()
    })
    const failure = await once(other, 'listening').then(
      () => undefined,
      (error: Error) => error.message,
    )
    if (failure !== undefined) skipBecause(skip, `nothing can listen on ::1 (${failure})`)
    const port = `${server.port}`
    expect(await ports('verify', port)).toEqual(done('listening on 127.0.0.1, ::1\n'))
    expect(JSON.parse((await ports('verify', port, '--json')).stdout).listeners).toEqual([
      { address: '127.0.0.1', ...shownUid },
      { address: '::1', ...shownUid },
    ])
  })

  test('answers for the address that was asked for', async () => {
    const ports = portsOn('postgresql://127.0.0.1:1/nothing')
    await using server = await tcpServer(() => {})
    for (const address of ['::1', '127.0.0.2']) {
      const verify = ['verify', `${server.port}`, '--hostname', address]
      expect(await ports(...verify)).toMatchObject({ stdout: 'not listening\n', status: 1 })
      expect(JSON.parse((await ports(...verify, '--json')).stdout)).toEqual({
        port: server.port,
        hostname: 'localhost',
        address,
        protocol: 'tcp',
        listening: false,
        listeners: [],
      })
    }
  })

  test('tells a number that a connection holds from one that nothing has', async () => {
    const ports = portsOn('postgresql://127.0.0.1:1/nothing')
    await using server = await tcpServer(() => {})
    const connection = connect(server.port, '127.0.0.1')
    onTestFinished(() => {
      connection.destroy()
    })
    await once(connection, 'connect')
    const port = `${connection.localPort}`
    expect(await ports('verify', port)).toMatchObject({
      stdout: 'not listening, held by a connection\n',
      status: 1,
    })
    expect(JSON.parse((await ports('verify', port, '--json')).stdout)).toMatchObject({
      listening: false,
      heldBy: 'connection',
    })
  })

  test('ends with 1 if nothing listens', async () => {
    const ports = portsOn('postgresql://127.0.0.1:1/nothing')
    const server = await tcpServer(() => {})
    await server[Symbol.asyncDispose]()
    const port = `${server.port}`
    expect(await ports('verify', port)).toEqual({
      stdout: 'not listening\n',
      stderr: '',
      status: 1,
    })
    expect(JSON.parse((await ports('verify', port, '--json')).stdout)).toMatchObject({
      listening: false,
    })
  })

  test('ends with 6 if that is unknown', async () => {
    const ports = portsOn('postgresql://127.0.0.1:1/nothing')
    const elsewhere = ['verify', '53', '--protocol', 'udp', '--hostname', '192.0.2.1', '--json']
    const { stdout, stderr, status } = await ports(...elsewhere)
    expect({ stdout, status }).toEqual({ stdout: '', status: 6 })
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'UNVERIFIABLE', details: { reason: 'udp-of-another-host' } },
    })
  })
})

describe('audit', () => {
  test('distinguishes services that run from those that do not', async () => {
    const ports = await freshPorts()
    await using server = await tcpServer(() => {})
    const port = `${server.port}`
    const created = await ports('range', 'create', 'myapp', '--start', port, '--end', port)
    expect(created).toMatchObject({ stdout: `${port}-${port}\n`, status: 0 })
    await ports('get', 'myapp', 'api')
    await ports('get', 'myapp', 'api', '--protocol', 'udp')
    const { stdout } = await ports('audit', '--project', 'myapp', '--json')
    const { conflicts, ...counts } = JSON.parse(stdout)
    // The number is ephemeral.
    const states = conflicts.filter(({ kind }: { kind: string }) => kind !== 'ephemeral')
    expect({ ...counts, conflicts: states }).toEqual({
      allocated: 2,
      inUse: 1,
      notRunning: 1,
      unverified: 0,
      conflicts: [
        {
          port: server.port,
          expected: 'myapp/api',
          kind: 'not-running',
          actual: 'not running',
          hostname: 'localhost',
          protocol: 'udp',
        },
      ],
      unverifiedPorts: [],
    })
    const text = await ports('audit', '--project', 'myapp')
    expect(text).toMatchObject({ stderr: '', status: 1 })
    expect(text.stdout).toMatch(/^ *PORT +EXPECTED +ACTUAL +SCOPE\n.*myapp\/api +not running/)
    expect(text.stdout).toMatch(/\n2 allocated: 1 in use, 1 not running, 0 unverified/)
  })

  test('names the ports whose state is unknown, and why', async () => {
    const ports = await freshPorts()
    await ports('get', 'consilio', 'dns', '--protocol', 'udp', '--hostname', 'elsewhere.invalid')
    expect(JSON.parse((await ports('audit', '--json')).stdout)).toMatchObject({
      unverified: 1,
      unverifiedPorts: [
        {
          port: 3100,
          expected: 'consilio/dns',
          actual: 'unverified',
          hostname: 'elsewhere.invalid',
          protocol: 'udp',
          reason: 'udp-of-another-host',
        },
      ],
    })
    expect((await ports('audit')).stdout).toMatch(
      /\n3100 +consilio\/dns +unverified: udp of another host +elsewhere.invalid\/udp\n/,
    )
  })
})

test('one thing has one name in all that --json prints', async () => {
  const ports = await freshPorts()
  await ports('allocate', 'consilio', 'api')
  const bounds = ['--start', '3100', '--end', '3199']
  const commands = [
    ['get', 'consilio', 'api'],
    ['allocate', 'consilio', 'api'],
    ['list'],
    ['list', 'consilio'],
    ['history'],
    ['hosts'],
    ['verify', '3100'],
    ['audit'],
    ['list'],
    ['summary'],
    ['summary', 'consilio'],
    ['range', 'list'],
    ['range', 'create', 'myapp', '--size', '10'],
    ['range', 'resize', 'consilio', ...bounds],
    ['range', 'resize', 'consilio', '--start', '3101', '--end', '3199'],
    ['range', 'delete', 'consilio'],
    ['release', 'consilio', 'api'],
    ['db', 'seed'],
  ]
  for (const command of commands) {
    const { stdout, stderr } = await ports(...command, '--json')
    expect(stdout + stderr, command.join(' ')).toMatch(/^[[{]/)
    expect(stdout + stderr).not.toMatch(/"(portNumber|rangeStart|rangeEnd|utilization)"/)
  }
})

describe('range', () => {
  test('creates the next free block, resizes it and deletes it', async () => {
    const ports = await freshPorts()
    expect(await ports('range', 'create', 'myapp', '--size', '100')).toEqual(done('3600-3699\n'))
    const resized = await ports('range', 'resize', 'myapp', '--start', '3600', '--end', '3799')
    expect(resized).toEqual(done('3600-3799\n'))
    expect(await ports('range', 'delete', 'myapp')).toEqual({
      stdout: '',
      stderr: 'myapp has no range any more.\n',
      status: 0,
    })
  })

  test('deletes the ranges of several projects, or of none if one is in the way', async () => {
    const ports = await freshPorts()
    await ports('get', 'odin', 'api')
    const owners = async () =>
      JSON.parse((await ports('range', 'list', '--json')).stdout).map(
        (range: { projectName: string }) => range.projectName,
      )
    const before = await owners()
    for (const [names, status] of [
      [['consilio', 'odin', 'openhorizon'], 4],
      [['consilio', 'ghost'], 3],
      [['consilio', '../'], 2],
    ] as const) {
      expect(await ports('range', 'delete', ...names)).toMatchObject({ stdout: '', status })
      expect(await owners()).toEqual(before)
    }
    expect(await ports('range', 'delete', 'openhorizon', 'consilio', 'consilio')).toEqual({
      stdout: '',
      stderr: 'openhorizon has no range any more.\nconsilio has no range any more.\n',
      status: 0,
    })
    const { stdout } = await ports('range', 'delete', 'health-agent', 'shared-services', '--json')
    expect(JSON.parse(stdout)).toEqual([
      { deleted: true, projectName: 'health-agent' },
      { deleted: true, projectName: 'shared-services' },
    ])
    expect(await owners()).toEqual(['meta-supervisor', 'odin', 'quiculum-monitor'])
  })

  test('deletes the default ranges that are as they were and unused', async () => {
    const ports = await freshPorts()
    await ports('get', 'odin', 'api')
    await ports('range', 'resize', 'consilio', '--start', '3100', '--end', '3149')
    await ports('range', 'create', 'mine', '--start', '4000', '--end', '4099')
    for (const args of [['--defaults', 'consilio'], []]) {
      expect(await ports('range', 'delete', ...args)).toMatchObject({
        stderr: expect.stringContaining('give projects, or --defaults'),
        status: 2,
      })
    }
    expect(JSON.parse((await ports('range', 'delete', '--defaults', '--json')).stdout)).toEqual(
      ['meta-supervisor', 'openhorizon', 'health-agent', 'quiculum-monitor', 'shared-services'].map(
        (projectName) => ({ deleted: true, projectName }),
      ),
    )
    const { stdout } = await ports('range', 'list')
    expect(stdout.match(/consilio|odin|mine/g)).toEqual(['consilio', 'odin', 'mine'])
    expect(await ports('range', 'delete', '--defaults')).toEqual({
      stdout: '',
      stderr: 'No default range is unused.\n',
      status: 0,
    })
  })

  test('warns of numbers that the kernel gives to outgoing connections', async ({ skip }) => {
    const settings = '/proc/sys/net/ipv4/ip_local_port_range'
    if (!existsSync(settings)) skipBecause(skip, `this system has no ${settings}`)
    const [first] = readFileSync(settings, 'utf8').split('\t')
    const ports = await freshPorts()
    const inside = ['--start', `${first}`, '--end', `${first}`]
    const created = await ports('range', 'create', 'myapp', ...inside, '--json')
    const { warnings, ...range } = JSON.parse(created.stdout)
    expect(range).toEqual({
      projectName: 'myapp',
      startPort: Number(first),
      endPort: Number(first),
    })
    expect(warnings).toEqual([
      {
        code: 'EPHEMERAL_PORTS',
        message: expect.stringContaining(`one of ${first} taken`),
        command: expect.stringMatching(
          new RegExp(`^sysctl -w net.ipv4.ip_local_reserved_ports=(.*,)?${first}\\b`),
        ),
      },
    ])
    const resized = await ports('range', 'resize', 'myapp', ...inside)
    expect(resized.stdout).toBe(`${first}-${first}\n`)
    expect(resized.stderr).toBe(`warning: ${warnings[0].message}\n`)
  })

  test('lists the ranges by number', async () => {
    const ports = portsOn(await emptyDatabase())
    expect((await ports('range', 'list')).stderr).toBe('No project has a range.\n')
    await ports('range', 'create', 'b', '--start', '4000', '--end', '4099', '--description', 'B')
    await ports('range', 'create', 'a', '--start', '5000', '--end', '5099')
    expect(await ports('range', 'list')).toEqual(
      done(
        [
          'START   END  PROJECT  DESCRIPTION',
          ' 4000  4099  b        B',
          ' 5000  5099  a        -',
          '',
        ].join('\n'),
      ),
    )
    expect(JSON.parse((await ports('range', 'list', '--json')).stdout)).toEqual([
      { projectName: 'b', startPort: 4000, endPort: 4099, description: 'B' },
      { projectName: 'a', startPort: 5000, endPort: 5099 },
    ])
  })

  test('prints JSON with --json', async () => {
    const ports = await freshPorts()
    const json = async (...args: string[]) => JSON.parse((await ports(...args, '--json')).stdout)
    const range = { projectName: 'myapp', startPort: 4000, endPort: 4099 }
    const bounds = ['--start', '4000', '--end', '4099']
    expect(await json('range', 'create', 'myapp', ...bounds)).toEqual(range)
    expect(await json('range', 'resize', 'myapp', ...bounds)).toEqual(range)
    expect(await json('range', 'delete', 'myapp')).toEqual({ deleted: true, projectName: 'myapp' })
  })
})

describe('db', () => {
  test('migrates and seeds a database of the user’s own, once', async () => {
    const url = await unmigratedDatabase()
    const ports = portsOn(url)
    const before = await ports('get', 'consilio', 'api', '--json')
    expect(before).toMatchObject({ stdout: '', status: 5 })
    expect(JSON.parse(before.stderr)).toMatchObject({ error: { code: 'DATABASE_NOT_MIGRATED' } })

    const { stdout, status } = await ports('db', 'migrate')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^(\d{14}_\w+\n)+$/)
    const again = { stdout: '', stderr: 'The schema is up to date.\n', status: 0 }
    expect(await ports('db', 'migrate')).toEqual(again)
    expect(JSON.parse((await ports('db', 'migrate', '--json')).stdout)).toEqual({ applied: [] })

    const seeded = JSON.parse((await ports('db', 'seed', '--json')).stdout)
    expect(seeded).toMatchObject({ created: { length: 7 }, skipped: [] })
    const reseeded = { stdout: '', stderr: 'No default range is missing.\n', status: 0 }
    expect(await ports('db', 'seed')).toEqual(reseeded)
    expect(await ports('get', 'consilio', 'api')).toMatchObject(printed('3100\n'))
  })

  test('seeds the default ranges that fit, and names those that do not', async () => {
    const ports = portsOn(await emptyDatabase())
    await ports('range', 'create', 'mine', '--start', '3150', '--end', '3160')
    const seeded = await ports('db', 'seed')
    expect(seeded).toMatchObject({
      stderr: 'Left out 3100-3199 of consilio: it would overlap 3150-3160 of mine.\n',
      status: 0,
    })
    expect(seeded.stdout).toContain('meta-supervisor')
    expect(seeded.stdout).not.toContain('consilio')
    const again = await ports('db', 'seed')
    expect(again).toMatchObject({ stdout: '', status: 0 })
    expect(again.stderr).toContain('No other default range is missing.')
    const { created, skipped } = JSON.parse((await ports('db', 'seed', '--json')).stdout)
    expect(created).toEqual([])
    expect(skipped).toMatchObject([
      {
        projectName: 'consilio',
        startPort: 3100,
        endPort: 3199,
        overlaps: { projectName: 'mine', startPort: 3150, endPort: 3160 },
      },
    ])
  })

  test('shows the status of a database of the user’s own', async () => {
    const ports = await freshPorts()
    const { stdout, stderr, status } = await ports('db', 'status')
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
    expect(stdout).toMatch(/^database +postgresql:\/\//)
    expect(stdout).toMatch(/\nrunning +yes\nserver +PostgreSQL \d+/)
    expect(stdout).toMatch(/\nschema +\d+ migrations? applied, none pending\n$/)
    const asJson = JSON.parse((await ports('db', 'status', '--json')).stdout)
    expect(asJson).toMatchObject({ kind: 'external', running: true, schema: { pending: [] } })
  })

  test('refuses to start or stop a database of the user’s own', async () => {
    const ports = await freshPorts()
    expect(await ports('db', 'start')).toMatchObject({ stdout: '', status: 2 })
    expect(await ports('db', 'stop')).toMatchObject({ stdout: '', status: 2 })
  })
})
