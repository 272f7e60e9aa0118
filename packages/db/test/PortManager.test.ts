import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { networkInterfaces, hostname as systemHostname, userInfo } from 'node:os'
import {
  type PortAllocation,
  PortManager,
  type PortManagerOptions,
  type PortRepository,
  type PortsError,
} from '@ports/core'
import { freshDatabase, skipBecause, sql } from '@ports/testkit/vitest'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { openRepository } from '../src/index.js'
import { ascending, numbers } from './sessions.js'

const SEEDED = [
  ['meta-supervisor', 3000, 3099],
  ['consilio', 3100, 3199],
  ['openhorizon', 3200, 3299],
  ['odin', 3300, 3399],
  ['health-agent', 3400, 3499],
  ['quiculum-monitor', 3500, 3599],
  ['shared-services', 9000, 9999],
] as const
const KNOWN_PROJECTS = SEEDED.map(([projectName]) => projectName)

const METADATA = {
  serviceType: 'fastify',
  description: 'The public API – Öffentliche Schnittstelle 🛰️',
  cloudflareHostname: 'api.consilio.example',
} as const

/** Reserved never to resolve (RFC 6761, section 6.4). */
const NO_SUCH_HOST = 'no-such-host.invalid'

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

let url: string
let ports: PortManager

beforeEach(async () => {
  url = await freshDatabase()
  ports = await openManager()
})

/** Another program on the same registry. */
async function openManager(options?: PortManagerOptions): Promise<PortManager> {
  return new PortManager(await openStore(), options)
}

async function openStore(): Promise<PortRepository> {
  const repository = await openRepository({ url })
  onTestFinished(() => repository.close())
  return repository
}

async function heldPorts(manager = ports): Promise<number[]> {
  return (await manager.listAll()).map(({ portNumber }) => portNumber)
}

async function onlyAllocation(): Promise<PortAllocation> {
  const allocations = await ports.listAll()
  expect(allocations).toHaveLength(1)
  return allocations[0]!
}

async function errorOf(call: Promise<unknown>): Promise<PortsError> {
  const outcome = await call.then(
    () => expect.unreachable('it did not fail'),
    (error) => error,
  )
  expect(outcome).toMatchObject({ name: 'PortsError' })
  return outcome
}

/** Everything that a user can see of the registry. */
async function everything() {
  return { allocations: await ports.listAll(), ranges: await ports.listRanges() }
}

/** Gives the project a range of that one number, so that its next service gets this number. */
async function confine(projectName: string, port: number): Promise<void> {
  await ports.createRange({ projectName, startPort: port, endPort: port })
}

interface RunningService extends AsyncDisposable {
  readonly port: number
}

async function tcpService(host = '127.0.0.1'): Promise<RunningService> {
  const server = createServer((socket) => socket.destroy()).listen(0, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}

async function udpService(): Promise<RunningService> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    port: socket.address().port,
    async [Symbol.asyncDispose]() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

/**
 * Numbers on which nothing listens, for both protocols. They are below the ephemeral ports, so that
 * no other test listens on them, and outside the default ranges.
 */
async function silentPorts(count: number): Promise<number[]> {
  const silent: number[] = []
  for (let port = 20_000 + Math.floor(Math.random() * 10_000); silent.length < count; port += 1) {
    const verdicts = await Promise.all([
      ports.checkPort(port, 'localhost', 'tcp'),
      ports.checkPort(port, 'localhost', 'udp'),
    ])
    if (verdicts.every((verdict) => verdict === 'not-listening')) silent.push(port)
  }
  return silent
}

describe('getOrAllocate', () => {
  it('gives 3100 to the api of consilio, again and again', async () => {
    for (const _ of numbers(1, 5)) expect(await ports.getOrAllocate('consilio', 'api')).toBe(3100)
    expect(await heldPorts()).toEqual([3100])
  })

  it('gives the next service the next number', async () => {
    await ports.getOrAllocate('consilio', 'api')
    expect(await ports.getOrAllocate('consilio', 'web')).toBe(3101)
    expect(await ports.getOrAllocate('odin', 'api')).toBe(3300)
  })

  it('gives 3100 still when others came and went', async () => {
    await ports.getOrAllocate('consilio', 'api')
    for (const serviceName of ['web', 'worker', 'websocket']) {
      await ports.getOrAllocate('consilio', serviceName)
      await ports.allocate('consilio', serviceName)
    }
    for (const serviceName of ['web', 'websocket']) await ports.release('consilio', serviceName)
    await ports.getOrAllocate('consilio', 'metrics')
    expect(await ports.getOrAllocate('consilio', 'api')).toBe(3100)
  })

  it('gives the same number when nothing listens there, also after an audit has seen that', async () => {
    const [silent] = await silentPorts(1)
    await ports.createRange({ projectName: 'idle', startPort: silent!, endPort: silent! + 9 })
    expect(await ports.getOrAllocate('idle', 'api')).toBe(silent)
    expect(await ports.verifyPort(silent!)).toBe(false)
    await ports.auditPorts()
    expect(await ports.getOrAllocate('idle', 'api')).toBe(silent)
    expect(await ports.getOrAllocate('idle', 'web')).toBe(silent! + 1)
  })

  it('gives the lowest free number even if something listens there', async () => {
    await using stranger = await tcpService()
    await ports.createRange({
      projectName: 'busy',
      startPort: stranger.port,
      endPort: Math.min(stranger.port + 9, 65_535),
    })
    expect(await ports.getOrAllocate('busy', 'api')).toBe(stranger.port)
  })

  it('gives one port to fifty calls at the same time', async () => {
    const given = await Promise.all(
      numbers(1, 50).map(() => ports.getOrAllocate('consilio', 'api')),
    )
    expect(given).toEqual(Array(50).fill(3100))
    expect(await heldPorts()).toEqual([3100])
  })

  it('gives one port to two managers on two repositories at the same time', async () => {
    const managers = [ports, await openManager()]
    const given = await Promise.all(
      numbers(1, 50).map((nth) => managers[nth % 2]!.getOrAllocate('consilio', 'api')),
    )
    expect(given).toEqual(Array(50).fill(3100))
    for (const manager of managers) expect(await heldPorts(manager)).toEqual([3100])
  })

  it('gives fifty services at the same time a port each, and each its own again', async () => {
    const other = await openManager()
    const askAll = (manager: PortManager) =>
      Promise.all(numbers(1, 50).map((nth) => manager.getOrAllocate('consilio', `service-${nth}`)))
    const [given, givenToOther] = await Promise.all([askAll(ports), askAll(other)])
    expect(givenToOther).toEqual(given)
    // Not always without gaps: of two who ask for one service, each takes a slot, and one gives it back.
    expect(new Set(given).size).toBe(50)
    expect(await heldPorts()).toEqual(ascending(given))
    expect(await askAll(other)).toEqual(given)
  })

  it('gives the same port to managers that open the registry later', async () => {
    const repository = await openRepository({ url })
    await new PortManager(repository).getOrAllocate('odin', 'filler')
    expect(await new PortManager(repository).getOrAllocate('odin', 'api')).toBe(3301)
    await repository.close()
    expect(await ports.getOrAllocate('odin', 'api')).toBe(3301)
  })

  it('gives the oldest of several', async () => {
    await ports.allocate('consilio', 'other')
    expect(await ports.getOrAllocate('consilio', 'api')).toBe(3101)
    await ports.release('consilio', 'other')
    expect(await ports.allocate('consilio', 'api')).toBe(3100)
    expect(await ports.getOrAllocate('consilio', 'api')).toBe(3101)
  })

  it('gives a port in each scope, and the same again there', async () => {
    const alpha = { hostname: 'alpha.example' }
    for (const _ of numbers(1, 2)) {
      expect(await ports.getOrAllocate('consilio', 'api', alpha)).toBe(3100)
      expect(await ports.getOrAllocate('consilio', 'api', { protocol: 'udp' })).toBe(3100)
      expect(await ports.getOrAllocate('consilio', 'web', { protocol: 'udp' })).toBe(3101)
      expect(await ports.getOrAllocate('consilio', 'api')).toBe(3100)
    }
    expect(await ports.listAll()).toHaveLength(4)
  })

  it.each(['Alpha.Example', 'alpha.example.', 'ALPHA.EXAMPLE'])(
    'takes %s for the host that alpha.example is',
    async (spelling) => {
      await ports.allocate('consilio', 'other', { hostname: 'alpha.example' })
      const port = await ports.getOrAllocate('consilio', 'api', { hostname: 'alpha.example' })
      expect(await ports.getOrAllocate('consilio', 'api', { hostname: spelling })).toBe(port)
    },
  )

  it('stores the metadata with a new port', async () => {
    await ports.getOrAllocate('consilio', 'api', METADATA)
    expect(await onlyAllocation()).toMatchObject(METADATA)
  })

  it('fills in what an existing port lacks, and overwrites nothing', async () => {
    await ports.getOrAllocate('consilio', 'api', { description: 'The first description' })
    expect(await ports.getOrAllocate('consilio', 'api', METADATA)).toBe(3100)
    const filledIn = { ...METADATA, description: 'The first description' }
    expect(await onlyAllocation()).toMatchObject(filledIn)
    await ports.getOrAllocate('consilio', 'api', {
      serviceType: 'express',
      description: 'The last description',
      cloudflareHostname: 'last.example',
    })
    await ports.getOrAllocate('consilio', 'api')
    expect(await onlyAllocation()).toMatchObject(filledIn)
  })

  it('keeps the first metadata of callers at the same time whole', async () => {
    await Promise.all(
      numbers(1, 20).map((nth) =>
        ports.getOrAllocate('consilio', 'api', {
          serviceType: `type-${nth}`,
          description: `description-${nth}`,
        }),
      ),
    )
    const { serviceType, description } = await onlyAllocation()
    expect(serviceType).toMatch(/^type-\d+$/)
    expect(description).toBe(serviceType!.replace('type', 'description'))
  })
})

describe('allocate', () => {
  it('gives another port each time, the lowest free one', async () => {
    expect(await ports.allocate('consilio', 'worker')).toBe(3100)
    expect(await ports.allocate('consilio', 'worker')).toBe(3101)
    expect(await ports.allocate('consilio', 'other')).toBe(3102)
    await ports.release('consilio', 'worker', 'localhost', { portNumber: 3101 })
    expect(await ports.allocate('consilio', 'worker')).toBe(3101)
    expect(await ports.allocate('consilio', 'worker')).toBe(3103)
  })

  it('gives two managers at the same time fifty ports between them', async () => {
    const managers = [ports, await openManager()]
    const given = await Promise.all(
      numbers(1, 50).map((nth) => managers[nth % 2]!.allocate('consilio', 'worker')),
    )
    expect(ascending(given)).toEqual(numbers(3100, 3149))
    expect(await heldPorts()).toEqual(numbers(3100, 3149))
  })

  it('counts each scope from the start of the range', async () => {
    await ports.allocate('consilio', 'worker')
    expect(await ports.allocate('consilio', 'worker', { hostname: 'alpha.example' })).toBe(3100)
    expect(await ports.allocate('consilio', 'worker', { protocol: 'udp' })).toBe(3100)
  })

  it('stores the metadata, whatever the service’s other ports say', async () => {
    await ports.allocate('consilio', 'worker', { description: 'The first' })
    await ports.allocate('consilio', 'worker', METADATA)
    const [first, second] = await ports.listAll()
    expect(first).toMatchObject({ description: 'The first' })
    expect(first).not.toHaveProperty('serviceType')
    expect(second).toMatchObject(METADATA)
  })

  it('says of a full range how full it is and what to do, and leaves it as it is', async () => {
    await ports.createRange({ projectName: 'tiny', startPort: 4000, endPort: 4001 })
    await ports.allocate('tiny', 'api')
    await ports.allocate('tiny', 'web')
    const before = await everything()
    for (const call of [
      () => ports.allocate('tiny', 'api'),
      () => ports.getOrAllocate('tiny', 'worker', METADATA),
    ]) {
      const error = await errorOf(call())
      expect(error.code).toBe('RANGE_EXHAUSTED')
      expect(error.message).toContain('All 2 ports of tiny (4000-4001) are held on localhost/tcp')
      expect(error.message).toContain('or widen the range: 3600-8999 would overlap no other')
      expect(error.details).toMatchObject({ widest: { startPort: 3600, endPort: 8999 } })
      expect(error.details).toMatchObject({ totalPorts: 2, allocatedPorts: 2, availablePorts: 0 })
    }
    expect(await everything()).toEqual(before)
    expect(await ports.getOrAllocate('tiny', 'web')).toBe(4001)
  })

  it('does not advise widening a full range that has no room between its neighbours', async () => {
    await ports.createRange({ projectName: 'low', startPort: 3999, endPort: 3999 })
    await ports.createRange({ projectName: 'tiny', startPort: 4000, endPort: 4000 })
    await ports.createRange({ projectName: 'high', startPort: 4001, endPort: 4001 })
    await ports.allocate('tiny', 'api')
    const error = await errorOf(ports.getOrAllocate('tiny', 'web'))
    expect(error.code).toBe('RANGE_EXHAUSTED')
    expect(error.message).toContain(
      'cannot be widened, because 3999 is the last port of low and 4001 the first of high.',
    )
    expect(error.details).toMatchObject({
      widest: { startPort: 4000, endPort: 4000 },
      neighbours: { below: { projectName: 'low' }, above: { projectName: 'high' } },
    })
  })
})

describe('releasePorts', () => {
  it('tells which numbers were released, by number and protocol', async () => {
    for (const protocol of ['udp', 'tcp'] as const) {
      await ports.allocate('consilio', 'worker', { protocol })
      await ports.allocate('consilio', 'worker', { protocol })
    }
    expect(await ports.releasePorts('consilio', 'worker', undefined, { portNumber: 3101 })).toEqual(
      [
        { portNumber: 3101, protocol: 'tcp' },
        { portNumber: 3101, protocol: 'udp' },
      ],
    )
    expect(await ports.releasePorts('consilio', 'worker')).toEqual([
      { portNumber: 3100, protocol: 'tcp' },
      { portNumber: 3100, protocol: 'udp' },
    ])
    expect(await ports.releasePorts('consilio', 'worker')).toEqual([])
  })
})

describe('release', () => {
  it('frees the number for the next service, any number of times', async () => {
    const ids = new Set<string>()
    for (const round of numbers(1, 20)) {
      const serviceName = round % 2 === 0 ? 'api' : 'web'
      expect(await ports.getOrAllocate('consilio', serviceName)).toBe(3100)
      ids.add((await onlyAllocation()).id)
      expect(await ports.release('consilio', serviceName)).toBe(true)
      expect(await ports.listAll()).toEqual([])
    }
    expect(ids.size).toBe(20)
  })

  it('is false when there is nothing to release', async () => {
    expect(await ports.release('consilio', 'api')).toBe(false)
    await ports.getOrAllocate('consilio', 'api')
    expect(await ports.release('consilio', 'API')).toBe(false)
    expect(await ports.release('consilio', 'api')).toBe(true)
    expect(await ports.release('consilio', 'api')).toBe(false)
  })

  it('releases all ports of the service on this host, in both protocols, and no others', async () => {
    for (const _ of numbers(1, 3)) await ports.allocate('consilio', 'api')
    await ports.allocate('consilio', 'api', { protocol: 'udp' })
    await ports.allocate('consilio', 'api', { hostname: 'alpha.example' })
    await ports.allocate('consilio', 'web')
    await ports.allocate('odin', 'api')
    expect(await ports.release('consilio', 'api')).toBe(true)
    const rest = (await ports.listAll()).map(({ projectName, serviceName, hostname }) => [
      projectName,
      serviceName,
      hostname,
    ])
    expect(rest).toEqual([
      ['consilio', 'api', 'alpha.example'],
      ['consilio', 'web', 'localhost'],
      ['odin', 'api', 'localhost'],
    ])
  })

  it('narrows by host, protocol and number', async () => {
    const scopes = [
      { hostname: 'localhost', protocol: 'tcp' },
      { hostname: 'localhost', protocol: 'udp' },
      { hostname: 'alpha.example', protocol: 'tcp' },
      { hostname: 'alpha.example', protocol: 'udp' },
    ] as const
    for (const scope of scopes) {
      await ports.allocate('consilio', 'api', scope)
      await ports.allocate('consilio', 'api', scope)
    }
    const left = async () =>
      (await ports.listAll()).map(
        ({ hostname, protocol, portNumber }) => `${hostname}/${protocol}/${portNumber}`,
      )
    const release = (hostname?: string, narrow = {}) =>
      ports.release('consilio', 'api', hostname, narrow)

    expect(await release('Alpha.Example', { protocol: 'udp', portNumber: 3101 })).toBe(true)
    expect(await release('alpha.example', { protocol: 'udp', portNumber: 3101 })).toBe(false)
    expect(await release(undefined, { portNumber: 3100 })).toBe(true)
    expect(await left()).toEqual([
      'alpha.example/tcp/3100',
      'alpha.example/udp/3100',
      'alpha.example/tcp/3101',
      'localhost/tcp/3101',
      'localhost/udp/3101',
    ])
    expect(await release('127.0.0.1', { protocol: 'udp' })).toBe(true)
    expect(await release('alpha.example')).toBe(true)
    expect(await left()).toEqual(['localhost/tcp/3101'])
  })

  it('passes nothing on to the next holder of the number', async () => {
    await using service = await tcpService()
    await confine('reused', service.port)
    await ports.allocate('reused', 'api', METADATA)
    await ports.auditPorts()
    await ports.release('reused', 'api')
    await ports.allocate('reused', 'web')
    const next = await onlyAllocation()
    expect(next).toEqual({
      id: next.id,
      portNumber: service.port,
      projectName: 'reused',
      serviceName: 'web',
      instance: '',
      status: 'allocated',
      hostname: 'localhost',
      protocol: 'tcp',
      allocatedAt: next.allocatedAt,
    })
  })
})

describe('listByProject and listAll', () => {
  it('tell everything about an allocation', async () => {
    await using service = await tcpService()
    await confine('full', service.port)
    await ports.getOrAllocate('full', 'api', METADATA)
    await ports.auditPorts()
    const expected: PortAllocation = {
      id: expect.stringMatching(/^\d+$/),
      portNumber: service.port,
      projectName: 'full',
      serviceName: 'api',
      instance: '',
      ...METADATA,
      status: 'in_use',
      hostname: 'localhost',
      protocol: 'tcp',
      allocatedAt: expect.any(Date),
      lastUsedAt: expect.any(Date),
      lastCheckedAt: expect.any(Date),
    }
    expect(await ports.listAll()).toStrictEqual([expected])
    expect(await ports.listByProject('full')).toStrictEqual([expected])
  })

  it('leave out what is not known', async () => {
    await ports.getOrAllocate('consilio', 'api')
    // Strictly equal, because no key may have the value undefined or null.
    expect(await ports.listByProject('consilio')).toStrictEqual([
      {
        id: expect.stringMatching(/^\d+$/),
        portNumber: 3100,
        projectName: 'consilio',
        serviceName: 'api',
        instance: '',
        status: 'allocated',
        hostname: 'localhost',
        protocol: 'tcp',
        allocatedAt: expect.any(Date),
      },
    ])
  })

  it('date an allocation by the time it was made', async () => {
    const before = await sql<{ now: Date }>(url, 'select now()')
    await ports.getOrAllocate('consilio', 'api')
    const after = await sql<{ now: Date }>(url, 'select now()')
    const { allocatedAt } = await onlyAllocation()
    expect(allocatedAt.getTime()).toBeGreaterThanOrEqual(before[0]!.now.getTime())
    expect(allocatedAt.getTime()).toBeLessThanOrEqual(after[0]!.now.getTime())
    await ports.getOrAllocate('consilio', 'api', METADATA)
    expect((await onlyAllocation()).allocatedAt).toEqual(allocatedAt)
  })

  it('go by port number, in whatever order they came', async () => {
    await ports.allocate('shared-services', 'postgres')
    await ports.allocate('odin', 'api')
    await ports.allocate('consilio', 'web')
    await ports.allocate('consilio', 'api', { hostname: 'alpha.example' })
    await ports.allocate('consilio', 'api')
    expect(await heldPorts()).toEqual([3100, 3100, 3101, 3300, 9000])
    const consilio = await ports.listByProject('consilio')
    expect(consilio.map(({ portNumber, serviceName }) => [portNumber, serviceName])).toEqual([
      [3100, 'api'],
      [3100, 'web'],
      [3101, 'api'],
    ])
  })

  it('are empty where nothing is held', async () => {
    expect(await ports.listAll()).toEqual([])
    expect(await ports.listByProject('consilio')).toEqual([])
  })
})

describe('listPage', () => {
  it('gives all in pages, in the order of the list', async () => {
    for (const _ of numbers(1, 3)) {
      await ports.allocate('consilio', 'worker')
      await ports.allocate('consilio', 'worker', { hostname: 'fd00::1' })
      await ports.allocate('consilio', 'worker', { protocol: 'udp' })
    }
    await ports.allocate('odin', 'api')
    for (const projectName of [undefined, 'consilio']) {
      const all = projectName ? await ports.listByProject(projectName) : await ports.listAll()
      const pages: PortAllocation[][] = []
      let cursor: string | undefined
      do {
        const page = await ports.listPage({ limit: 4, projectName, cursor })
        expect(page.total).toBe(all.length)
        pages.push([...page.allocations])
        cursor = page.nextCursor
      } while (cursor !== undefined)
      expect(pages.flat()).toEqual(all)
      expect(pages.map((page) => page.length)).toEqual([4, 4, all.length - 8])
    }
  })

  it('has no next page after a last one that is full', async () => {
    for (const _ of numbers(1, 4)) await ports.allocate('consilio', 'worker')
    const first = await ports.listPage({ limit: 2 })
    const last = await ports.listPage({ limit: 2, cursor: first.nextCursor })
    expect(last.allocations.map(({ portNumber }) => portNumber)).toEqual([3102, 3103])
    expect(last).not.toHaveProperty('nextCursor')
  })
})

describe('getProjectSummary', () => {
  it('says how full the range is', async () => {
    expect(await ports.getProjectSummary('consilio')).toStrictEqual({
      projectName: 'consilio',
      hostname: 'localhost',
      protocol: 'tcp',
      rangeStart: 3100,
      rangeEnd: 3199,
      ranges: [{ startPort: 3100, endPort: 3199 }],
      totalPorts: 100,
      allocatedPorts: 0,
      availablePorts: 100,
      reservedPorts: 0,
      restingPorts: 0,
      unusablePorts: 0,
      allocatableNow: 100,
      restSeconds: 0,
      utilization: 0,
    })
    await ports.getOrAllocate('consilio', 'api')
    await ports.allocate('consilio', 'api')
    await ports.allocate('consilio', 'web')
    await ports.release('consilio', 'web')
    expect(await ports.getProjectSummary('consilio')).toMatchObject({
      allocatedPorts: 2,
      availablePorts: 98,
      utilization: 2,
    })
  })

  it.each([
    [1, 33.33],
    [2, 66.67],
    [3, 100],
  ])('counts %i of 3 ports as %d percent', async (held, utilization) => {
    await ports.createRange({ projectName: 'thirds', startPort: 4000, endPort: 4002 })
    for (const _ of numbers(1, held)) await ports.allocate('thirds', 'worker')
    expect(await ports.getProjectSummary('thirds')).toMatchObject({
      allocatedPorts: held,
      availablePorts: 3 - held,
      utilization,
    })
  })

  it('adds up in every scope, whatever other hosts and projects hold', async () => {
    await ports.createRange({ projectName: 'small', startPort: 4000, endPort: 4006 })
    const held = [
      [{ hostname: 'localhost', protocol: 'tcp' }, 2],
      [{ hostname: 'localhost', protocol: 'udp' }, 1],
      [{ hostname: 'alpha.example', protocol: 'tcp' }, 7],
      [{ hostname: 'beta.example', protocol: 'udp' }, 3],
      [{ hostname: 'beta.example', protocol: 'tcp' }, 0],
    ] as const
    for (const [scope, count] of held) {
      for (const _ of numbers(1, count)) await ports.allocate('small', 'worker', scope)
    }
    await ports.allocate('consilio', 'worker')
    for (const [scope, count] of held) {
      const summary = await ports.getProjectSummary('small', scope)
      expect(summary).toMatchObject({ ...scope, totalPorts: 7, allocatedPorts: count })
      expect(summary.allocatedPorts + summary.availablePorts).toBe(summary.totalPorts)
      expect(summary.utilization).toBe(Math.round((count / 7) * 10_000) / 100)
    }
    expect(await ports.getProjectSummary('small')).toMatchObject({ allocatedPorts: 2 })
  })

  it('counts what was never offered, what was released and what is held each once', async () => {
    // More than are offered at first.
    for (const _ of numbers(1, 20)) await ports.allocate('consilio', 'worker')
    for (const portNumber of [3100, 3105, 3119]) {
      await ports.release('consilio', 'worker', undefined, { portNumber })
    }
    expect(await ports.getProjectSummary('consilio')).toMatchObject({
      allocatedPorts: 17,
      availablePorts: 83,
    })
    await ports.resizeRange('meta-supervisor', { startPort: 3000, endPort: 3089 })
    await ports.resizeRange('consilio', { startPort: 3090, endPort: 3199 })
    expect(await ports.getProjectSummary('consilio')).toMatchObject({
      totalPorts: 110,
      allocatedPorts: 17,
      availablePorts: 93,
    })
    expect(await ports.allocate('consilio', 'worker')).toBe(3090)
    expect(await ports.getProjectSummary('consilio')).toMatchObject({ availablePorts: 92 })
  })

  it('speaks of the range as it is now', async () => {
    await ports.allocate('consilio', 'api')
    await ports.resizeRange('consilio', { startPort: 3100, endPort: 3103 })
    expect(await ports.getProjectSummary('consilio')).toMatchObject({
      rangeEnd: 3103,
      totalPorts: 4,
      allocatedPorts: 1,
      availablePorts: 3,
      utilization: 25,
    })
  })
})

describe('verifyPort and checkPort', () => {
  it('see a TCP server while it runs, and its end', async () => {
    const service = await tcpService()
    expect(await ports.verifyPort(service.port)).toBe(true)
    expect(await ports.checkPort(service.port)).toBe('listening')
    await service[Symbol.asyncDispose]()
    expect(await ports.verifyPort(service.port)).toBe(false)
    expect(await ports.checkPort(service.port)).toBe('not-listening')
  })

  it('see a server on IPv6 alone', async ({ skip }) => {
    if (!hasIPv6) skipBecause(skip, 'this machine has no ::1')
    await using service = await tcpService('::1')
    expect(await ports.verifyPort(service.port)).toBe(true)
    expect(await ports.verifyPort(service.port, '::1')).toBe(true)
  })

  it('see a UDP service, and tell it from a TCP one', async () => {
    await using udp = await udpService()
    await using tcp = await tcpService()
    expect(await ports.verifyPort(udp.port, 'localhost', 'udp')).toBe(true)
    expect(await ports.checkPort(tcp.port, 'localhost', 'tcp')).toBe('listening')
    const [silent] = await silentPorts(1)
    expect(await ports.verifyPort(silent!, 'localhost', 'udp')).toBe(false)
  })

  it.each(['localhost', 'LOCALHOST', '127.0.0.1', 'app.localhost', systemHostname()])(
    'know this host as %s',
    async (name) => {
      await using service = await tcpService()
      const [silent] = await silentPorts(1)
      expect(await ports.verifyPort(service.port, name)).toBe(true)
      expect(await ports.verifyPort(silent!, name)).toBe(false)
    },
  )

  it('tell what cannot be told from no', async () => {
    for (const [hostname, protocol, reason] of [
      [NO_SUCH_HOST, 'tcp', 'name-not-resolved'],
      [NO_SUCH_HOST, 'udp', 'udp-of-another-host'],
      ['elsewhere.example', 'udp', 'udp-of-another-host'],
    ] as const) {
      expect(await ports.checkPort(3100, hostname, protocol)).toBe('unknown')
      const error = await errorOf(ports.verifyPort(3100, hostname, protocol))
      expect(error.code).toBe('UNVERIFIABLE')
      expect(error.details).toEqual({ port: 3100, hostname, protocol, reason })
      expect(error.message).toContain(`${hostname}:3100/${protocol}`)
    }
  })

  it('answer for the address that is asked for', async () => {
    await using service = await tcpService()
    expect(await ports.verifyPort(service.port, '::1')).toBe(false)
    expect(await ports.verifyPort(service.port, '127.0.0.2')).toBe(false)
  })

  it('neither ask the registry nor change it', async () => {
    await using service = await tcpService()
    await confine('seen', service.port)
    await ports.getOrAllocate('seen', 'api')
    const before = await everything()
    expect(await ports.verifyPort(service.port)).toBe(true)
    expect(await everything()).toEqual(before)
  })
})

describe('auditPorts', () => {
  /** Without the other conflicts: what listens on this machine, and which numbers are ephemeral. */
  async function auditOfStates(manager = ports) {
    const audit = await manager.auditPorts()
    const conflicts = audit.conflicts.filter(({ kind }) => kind === 'not-running')
    return { ...audit, conflicts }
  }

  /** The checks of all allocations, oldest first, by allocation. */
  const checks = () =>
    sql<{ allocation_id: string; verdict: string; checked_at: Date }>(
      url,
      'select allocation_id, verdict, checked_at from ports.port_health_checks order by id',
    )

  it('compares the registry with the servers that run', async () => {
    await using web = await tcpService()
    await using syslog = await udpService()
    const [silentTcp, silentUdp] = (await silentPorts(2)) as [number, number]
    await confine('running', web.port)
    await confine('logging', syslog.port)
    await confine('stopped', silentUdp)
    await ports.resizeRange('consilio', { startPort: silentTcp, endPort: silentTcp })

    await ports.getOrAllocate('running', 'web')
    await ports.getOrAllocate('logging', 'syslog', { protocol: 'udp' })
    await ports.getOrAllocate('consilio', 'websocket')
    await ports.getOrAllocate('stopped', 'resolver', { protocol: 'udp' })
    await ports.getOrAllocate('odin', 'api', { hostname: NO_SUCH_HOST })
    await ports.getOrAllocate('odin', 'syslog', { hostname: NO_SUCH_HOST, protocol: 'udp' })
    await ports.getOrAllocate('odin', 'released')
    await ports.release('odin', 'released')

    const conflict = { kind: 'not-running', actual: 'not running', hostname: 'localhost' } as const
    const conflicts = [
      { ...conflict, port: silentTcp, expected: 'consilio/websocket', protocol: 'tcp' },
      { ...conflict, port: silentUdp, expected: 'stopped/resolver', protocol: 'udp' },
    ]
    const unseen = { actual: 'unverified', hostname: NO_SUCH_HOST, port: 3300 } as const
    expect(await auditOfStates()).toStrictEqual({
      allocated: 6,
      inUse: 2,
      notRunning: 2,
      unverified: 2,
      conflicts,
      unverifiedPorts: [
        { ...unseen, protocol: 'tcp', expected: 'odin/api', reason: 'name-not-resolved' },
        { ...unseen, protocol: 'udp', expected: 'odin/syslog', reason: 'udp-of-another-host' },
      ],
    })

    const allocations = await ports.listAll()
    const verdictOf = {
      web: 'listening',
      syslog: 'listening',
      websocket: 'not-listening',
      resolver: 'not-listening',
    } as Record<string, string>
    const seen = allocations.map(({ id, hostname, serviceName }) => [
      id,
      hostname === NO_SUCH_HOST ? 'unknown' : verdictOf[serviceName],
    ])
    const stored = (await checks()).map((row) => [row.allocation_id, row.verdict])
    expect(stored).toHaveLength(6)
    expect(stored).toEqual(expect.arrayContaining(seen))

    for (const { projectName, status, lastUsedAt } of allocations) {
      const runs = projectName === 'running' || projectName === 'logging'
      expect({ projectName, status }).toEqual({
        projectName,
        status: runs ? 'in_use' : 'allocated',
      })
      if (runs) expect(lastUsedAt).toBeInstanceOf(Date)
      else expect(lastUsedAt).toBeUndefined()
    }
  })

  it('follows a service that stops, and keeps when it was last used', async () => {
    const service = await tcpService()
    await confine('restless', service.port)
    await ports.getOrAllocate('restless', 'api')
    await ports.auditPorts()
    const running = await onlyAllocation()
    expect(running).toMatchObject({ status: 'in_use', lastUsedAt: expect.any(Date) })
    await service[Symbol.asyncDispose]()

    expect(await ports.auditPorts()).toMatchObject({ inUse: 0, notRunning: 1 })
    const stopped = { ...running, status: 'allocated', lastCheckedAt: expect.any(Date) }
    expect(await onlyAllocation()).toEqual(stopped)
    expect(await ports.auditPorts()).toMatchObject({ notRunning: 1 })
    expect(await onlyAllocation()).toEqual(stopped)
    expect((await checks()).map(({ verdict }) => verdict)).toEqual([
      'listening',
      'not-listening',
      'not-listening',
    ])
    expect(await ports.getOrAllocate('restless', 'api')).toBe(service.port)
  })

  it('keeps the status of what it cannot see', async () => {
    await using service = await tcpService()
    await confine('remote', service.port)
    const onThatHost = await openManager({ hostname: NO_SUCH_HOST })
    await onThatHost.getOrAllocate('remote', 'api')
    expect(await onThatHost.auditPorts()).toMatchObject({ inUse: 1, unverified: 0 })
    const seen = await onlyAllocation()
    expect(seen).toMatchObject({ hostname: NO_SUCH_HOST, status: 'in_use' })

    expect(await auditOfStates()).toMatchObject({ inUse: 0, unverified: 1, conflicts: [] })
    expect(await onlyAllocation()).toEqual(seen)
    expect((await checks()).map(({ verdict }) => verdict)).toEqual(['listening', 'unknown'])
  })

  it('lets the kernel speak for this host’s allocations alone', async () => {
    await using service = await tcpService()
    const [silent] = await silentPorts(1)
    await confine('here', service.port)
    await confine('there', silent!)
    const alpha = await openManager({ hostname: 'alpha.invalid' })
    const beta = await openManager({ hostname: 'beta.invalid' })
    for (const project of ['here', 'there']) {
      await ports.getOrAllocate(project, 'api')
      await alpha.getOrAllocate(project, 'api')
      await beta.getOrAllocate(project, 'api')
    }
    for (const [manager, hostname] of [
      [ports, 'localhost'],
      [alpha, 'alpha.invalid'],
      [beta, 'beta.invalid'],
    ] as const) {
      const audit = await auditOfStates(manager)
      expect(audit).toMatchObject({ allocated: 6, inUse: 1, notRunning: 1, unverified: 4 })
      expect(audit.conflicts).toEqual([
        {
          kind: 'not-running',
          port: silent,
          expected: 'there/api',
          actual: 'not running',
          hostname,
          protocol: 'tcp',
        },
      ])
    }
  })

  it('keeps the newest 100 checks of each allocation', async () => {
    const service = await tcpService()
    await confine('watched', service.port)
    await ports.getOrAllocate('watched', 'api')
    for (const _ of numbers(1, 5)) await ports.auditPorts()
    await service[Symbol.asyncDispose]()
    for (const _ of numbers(1, 99)) await ports.auditPorts()
    // It is allocated late, so that its few checks are among the newest.
    await ports.getOrAllocate('odin', 'late', { hostname: NO_SUCH_HOST, protocol: 'udp' })

    const [late, watched] = await ports.listAll()
    const verdictsOf = async ({ id }: PortAllocation) =>
      (await checks()).flatMap((row) => (row.allocation_id === id ? [row.verdict] : []))
    expect(await verdictsOf(watched!)).toEqual(['listening', ...Array(99).fill('not-listening')])
    await ports.auditPorts()
    expect(await verdictsOf(watched!)).toEqual(Array(100).fill('not-listening'))
    expect(await verdictsOf(late!)).toEqual(['unknown'])
  })

  it('drops what was released meanwhile, and says nothing of the next holder', async () => {
    await using service = await tcpService()
    await using other = await tcpService()
    await using third = await tcpService()
    await confine('released', service.port)
    await confine('kept', other.port)
    await confine('gone', third.port)
    const store = await openStore()
    const auditor = new PortManager(store)
    await auditor.getOrAllocate('released', 'api')
    await auditor.getOrAllocate('kept', 'api')
    await auditor.getOrAllocate('gone', 'api')
    const [released] = await ports.listByProject('released')

    const recordChecks = store.recordChecks.bind(store)
    vi.spyOn(store, 'recordChecks').mockImplementationOnce(async (...args) => {
      await ports.release('released', 'api')
      await ports.getOrAllocate('released', 'web')
      await ports.release('gone', 'api')
      return recordChecks(...args)
    })
    expect(await auditor.auditPorts()).toMatchObject({ allocated: 3, inUse: 3 })

    const [next] = await ports.listByProject('released')
    expect(next).toMatchObject({ serviceName: 'web', status: 'allocated' })
    expect(next).not.toHaveProperty('lastUsedAt')
    const [kept] = await ports.listByProject('kept')
    expect(kept).toMatchObject({ status: 'in_use' })
    expect((await checks()).map((row) => row.allocation_id)).toEqual([kept!.id])
    expect(released!.id).not.toBe(next!.id)
    expect(await ports.listByProject('gone')).toEqual([])
  })

  it('forgets the checks of what was released since', async () => {
    const [silent] = await silentPorts(1)
    await confine('gone', silent!)
    await ports.getOrAllocate('gone', 'api')
    await ports.auditPorts()
    expect(await checks()).toHaveLength(1)
    await ports.release('gone', 'api')
    await ports.auditPorts()
    expect(await checks()).toEqual([])
  })

  it('is all zeros where nothing is held', async () => {
    // Other programs may listen in the other ranges.
    const [silent] = await silentPorts(1)
    await confine('empty', silent!)
    expect(await ports.auditPorts({ projectName: 'empty' })).toStrictEqual({
      allocated: 0,
      inUse: 0,
      notRunning: 0,
      unverified: 0,
      conflicts: [],
      unverifiedPorts: [],
    })
    expect(await checks()).toEqual([])
  })

  it('tells how far it is', async () => {
    for (const _ of numbers(1, 3)) await ports.allocate('consilio', 'worker')
    await ports.allocate('odin', 'api', { hostname: NO_SUCH_HOST })
    const onProgress = vi.fn()
    await ports.auditPorts({ onProgress })
    expect(onProgress.mock.calls).toEqual([
      [1, 4],
      [2, 4],
      [3, 4],
      [4, 4],
    ])
  })

  it('records nothing when it is aborted on the way', async () => {
    for (const _ of numbers(1, 3)) await ports.allocate('consilio', 'worker')
    const reason = new Error('No longer wanted')
    const controller = new AbortController()
    const audit = ports.auditPorts({
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    })
    await expect(audit).rejects.toBe(reason)
    expect(await checks()).toEqual([])
  })
})

describe('updatePort', () => {
  it('sets what is given and keeps the rest', async () => {
    await ports.getOrAllocate('consilio', 'api', { description: 'Before', serviceType: 'fastify' })
    const before = await onlyAllocation()
    const change = { description: 'After', cloudflareHostname: 'API.consilio.example' }
    expect(await ports.updatePort('consilio', 'api', change)).toBe(true)
    expect(await onlyAllocation()).toStrictEqual({
      ...before,
      description: 'After',
      cloudflareHostname: 'api.consilio.example',
    })
  })

  it('clears what is null', async () => {
    await ports.getOrAllocate('consilio', 'api', METADATA)
    const { serviceType: _type, description: _text, ...rest } = await onlyAllocation()
    const change = { serviceType: null, description: null }
    expect(await ports.updatePort('consilio', 'api', change)).toBe(true)
    expect(await onlyAllocation()).toStrictEqual(rest)
  })

  it.each(['serviceType', 'description', 'cloudflareHostname'] as const)(
    'sets, changes and clears %s alone',
    async (field) => {
      await ports.getOrAllocate('consilio', 'api')
      const bare = await onlyAllocation()
      for (const value of [METADATA[field], 'changed.example']) {
        await ports.updatePort('consilio', 'api', { [field]: value })
        expect(await onlyAllocation()).toStrictEqual({ ...bare, [field]: value })
      }
      await ports.updatePort('consilio', 'api', { [field]: null })
      expect(await onlyAllocation()).toStrictEqual(bare)
    },
  )

  it('lets getOrAllocate fill in again what was cleared', async () => {
    await ports.getOrAllocate('consilio', 'api', { description: 'Before' })
    await ports.updatePort('consilio', 'api', { description: null })
    await ports.getOrAllocate('consilio', 'api', { description: 'After' })
    expect(await onlyAllocation()).toMatchObject({ description: 'After' })
  })

  it('narrows by host, protocol and number', async () => {
    for (const hostname of ['localhost', 'alpha.example']) {
      for (const protocol of ['tcp', 'udp'] as const) {
        await ports.allocate('consilio', 'api', { hostname, protocol })
        await ports.allocate('consilio', 'api', { hostname, protocol })
      }
    }
    const described = async (description: string) =>
      (await ports.listAll()).flatMap((held) =>
        held.description === description
          ? [`${held.hostname}/${held.protocol}/${held.portNumber}`]
          : [],
      )
    const update = (description: string, options = {}) =>
      ports.updatePort('consilio', 'api', { description }, options)

    expect(await update('this host')).toBe(true)
    expect(await described('this host')).toEqual([
      'localhost/tcp/3100',
      'localhost/udp/3100',
      'localhost/tcp/3101',
      'localhost/udp/3101',
    ])
    expect(await update('that host', { hostname: 'ALPHA.example', protocol: 'udp' })).toBe(true)
    expect(await described('that host')).toEqual([
      'alpha.example/udp/3100',
      'alpha.example/udp/3101',
    ])
    expect(await update('one', { hostname: '::1', protocol: 'tcp', portNumber: 3101 })).toBe(true)
    expect(await described('one')).toEqual(['localhost/tcp/3101'])
  })

  it('is false where there is nothing to update', async () => {
    const update = (options = {}) => ports.updatePort('consilio', 'api', METADATA, options)
    expect(await update()).toBe(false)
    await ports.getOrAllocate('consilio', 'api')
    await ports.getOrAllocate('consilio', 'web')
    const before = await everything()
    expect(await update({ hostname: 'alpha.example' })).toBe(false)
    expect(await update({ protocol: 'udp' })).toBe(false)
    expect(await update({ portNumber: 3101 })).toBe(false)
    expect(await ports.updatePort('odin', 'api', METADATA)).toBe(false)
    expect(await everything()).toEqual(before)
    await ports.release('consilio', 'api')
    expect(await update()).toBe(false)
  })
})

describe('updatePort on all hosts', () => {
  const described = async () =>
    (await ports.listAll()).map(({ hostname, description }) => [hostname, description])

  it('changes what is said about a service on each host, and says whether it has a port', async () => {
    const update = (description: string) =>
      ports.updatePort('consilio', 'api', { description }, { allHosts: true })
    expect(await update('none')).toBe(false)
    await ports.allocate('consilio', 'api', { hostname: 'beta' })
    await ports.allocate('consilio', 'api')
    expect(await update('everywhere')).toBe(true)
    expect(await described()).toEqual([
      ['beta', 'everywhere'],
      ['localhost', 'everywhere'],
    ])
    expect(await ports.updatePort('consilio', 'api', { description: 'here' })).toBe(true)
    expect(await described()).toEqual([
      ['beta', 'everywhere'],
      ['localhost', 'here'],
    ])
  })

  it('changes all of them or none', async () => {
    await ports.allocate('consilio', 'api')
    await ports.allocate('consilio', 'api', { hostname: 'beta' })
    await sql(
      url,
      `create function public.refuse_beta() returns trigger language plpgsql as $$ begin
         if new.hostname::text = 'beta' then raise exception 'no' using errcode = '40001'; end if;
         return new;
       end $$;
       create trigger refuse_beta before update on ports.port_allocations
         for each row execute function public.refuse_beta()`,
    )
    const update = ports.updatePort('consilio', 'api', { description: 'x' }, { allHosts: true })
    expect((await errorOf(update)).code).toBe('BUSY')
    expect((await described()).flat()).not.toContain('x')
  })
})

describe('a Cloudflare hostname', () => {
  const named = { cloudflareHostname: 'Shop.example.com' }
  const web = { projectName: 'consilio', serviceName: 'web', instance: '' }

  it('that another service has is told by ensure and claim, and may be asked for', async () => {
    expect(await ports.ensure('consilio', 'web', named)).not.toHaveProperty(
      'sameCloudflareHostname',
    )
    const sameCloudflareHostname = [web]
    const asked = await ports.ensure('odin', 'web', named)
    expect(asked).toMatchObject({ created: true, sameCloudflareHostname })
    const login = { ...web, instance: 'login' }
    await ports.allocate('consilio', 'web', { ...named, instance: 'login' })
    expect(await ports.ensure('odin', 'web', named)).toMatchObject({
      created: false,
      sameCloudflareHostname: [web, login],
    })
    expect(await ports.claim('odin', 'web', 3350, named)).toMatchObject({
      sameCloudflareHostname: [web, login],
    })
    expect(await ports.sameCloudflareHostname('odin', 'api', 'shop.EXAMPLE.com')).toEqual([
      web,
      login,
      { ...web, projectName: 'odin' },
    ])
  })

  it('is no conflict of a service with itself, on other hosts, or of one without it', async () => {
    for (const hostname of ['localhost', 'alpha', 'beta']) {
      for (const protocol of ['tcp', 'udp'] as const) {
        const told = await ports.ensure('consilio', 'web', { ...named, hostname, protocol })
        expect(told).not.toHaveProperty('sameCloudflareHostname')
      }
    }
    const wildcard = { cloudflareHostname: '*.example.com' }
    for (const options of [{}, wildcard, { cloudflareHostname: 'other.example.com' }]) {
      const told = await ports.ensure('odin', 'web', { ...options, protocol: 'udp' })
      expect(told).not.toHaveProperty('sameCloudflareHostname')
    }
    await ports.release('consilio', 'web', 'alpha')
    expect(await ports.sameCloudflareHostname('odin', 'web', 'shop.example.com')).toEqual([web])
  })

  it('that a service keeps, because it has one, is the one that is compared', async () => {
    await ports.ensure('consilio', 'web', named)
    await ports.ensure('odin', 'web', { cloudflareHostname: 'odin.example.com' })
    expect(await ports.ensure('odin', 'web', named)).not.toHaveProperty('sameCloudflareHostname')
  })
})

describe('ranges', () => {
  it('are the default ones at first', async () => {
    const ranges = await ports.listRanges()
    expect(ranges.map((range) => [range.projectName, range.startPort, range.endPort])).toEqual(
      SEEDED,
    )
    for (const range of ranges) expect(range.description).toMatch(/\w/)
  })

  it('are created with the ends that are given', async () => {
    const plain = { projectName: 'myapp', startPort: 4000, endPort: 4009 }
    const described = { projectName: 'other', startPort: 4010, endPort: 4010, description: 'One' }
    expect(await ports.createRange(plain)).toStrictEqual(plain)
    expect(await ports.createRange(described)).toStrictEqual(described)
    const created = (await ports.listRanges()).filter(({ startPort }) => startPort >= 4000)
    expect(created.slice(0, 2)).toStrictEqual([plain, described])
    expect(await ports.getOrAllocate('myapp', 'api')).toBe(4000)
  })

  it('are created where the next block is free', async () => {
    const create = (projectName: string, size: number) => ports.createRange({ projectName, size })
    expect(await create('myapp', 100)).toStrictEqual({
      projectName: 'myapp',
      startPort: 3600,
      endPort: 3699,
    })
    expect(await create('second', 100)).toMatchObject({ startPort: 3700, endPort: 3799 })
    expect(await create('large', 1000)).toMatchObject({ startPort: 4000, endPort: 4999 })
    expect(await create('small', 7)).toMatchObject({ startPort: 3801, endPort: 3807 })
    expect(await ports.getOrAllocate('myapp', 'api')).toBe(3600)
    await ports.deleteRange('second')
    expect(
      await ports.createRange({ projectName: 'third', size: 100, description: 'In its place' }),
    ).toStrictEqual({
      projectName: 'third',
      startPort: 3700,
      endPort: 3799,
      description: 'In its place',
    })
  })

  it('are created beside ranges that reach beyond where blocks are looked for', async () => {
    await ports.resizeRange('meta-supervisor', { startPort: 2990, endPort: 3005 })
    await ports.createRange({ projectName: 'middle', startPort: 4000, endPort: 8999 })
    await ports.createRange({ projectName: 'above', startPort: 10_000, endPort: 40_000 })
    await ports.createRange({ projectName: 'far', startPort: 50_000, endPort: 50_009 })
    const create = (projectName: string, size: number) => ports.createRange({ projectName, size })
    expect(await create('myapp', 7)).toMatchObject({ startPort: 3010, endPort: 3016 })
    expect(await create('second', 200)).toMatchObject({ startPort: 3600, endPort: 3799 })
    expect(await create('third', 200)).toMatchObject({ startPort: 3800, endPort: 3999 })
    expect((await errorOf(create('fourth', 200))).code).toBe('RANGE_EXHAUSTED')
  })

  it('are refused where no block is free, and nothing is created', async () => {
    await ports.createRange({ projectName: 'most', size: 16_384 })
    const before = await everything()
    const error = await errorOf(ports.createRange({ projectName: 'more', size: 16_384 }))
    expect(error.code).toBe('RANGE_EXHAUSTED')
    expect(error.message).toContain(
      'No free block of 16384 ports that starts on a multiple of 16384 is left in 3000-32767',
    )
    expect(await everything()).toEqual(before)
  })

  it('are refused where they would overlap, naming the range in the way', async () => {
    const before = await everything()
    for (const [startPort, endPort] of [
      [3150, 3250],
      [3199, 3199],
      [2000, 3100],
    ] as const) {
      const error = await errorOf(ports.createRange({ projectName: 'myapp', startPort, endPort }))
      expect(error.code).toBe('RANGE_OVERLAP')
      expect(error.message).toMatch(/would overlap 3\d00-3\d99 of (consilio|meta-supervisor)\./)
      expect(error.message).toContain('Choose other numbers')
    }
    const again = await errorOf(ports.createRange({ projectName: 'consilio', size: 100 }))
    expect(again.code).toBe('RANGE_OVERLAP')
    expect(again.message).toContain('consilio already has a range, 3100-3199')
    expect(again.message).toContain('Resize it, or add another range')
    const resized = await errorOf(ports.resizeRange('consilio', { startPort: 3100, endPort: 3200 }))
    expect(resized.code).toBe('RANGE_OVERLAP')
    expect(resized.message).toContain('3100-3200 would overlap 3200-3299 of openhorizon')
    expect(resized.details.range).toMatchObject({ projectName: 'openhorizon', startPort: 3200 })
    expect(await everything()).toEqual(before)
  })

  it('are resized, and then give the numbers that are theirs now', async () => {
    await ports.allocate('quiculum-monitor', 'worker')
    await ports.allocate('quiculum-monitor', 'worker')
    await ports.release('quiculum-monitor', 'worker', undefined, { portNumber: 3500 })
    const resized = await ports.resizeRange('quiculum-monitor', { startPort: 3501, endPort: 3602 })
    expect(resized).toMatchObject({
      projectName: 'quiculum-monitor',
      startPort: 3501,
      endPort: 3602,
      description: expect.any(String),
    })
    expect(await ports.listRanges()).toContainEqual(resized)
    expect(await ports.allocate('quiculum-monitor', 'worker')).toBe(3502)
    await ports.resizeRange('quiculum-monitor', { startPort: 3500, endPort: 3502 })
    expect(await ports.allocate('quiculum-monitor', 'worker')).toBe(3500)
    const error = await errorOf(ports.allocate('quiculum-monitor', 'worker'))
    expect(error).toMatchObject({ code: 'RANGE_EXHAUSTED', details: { totalPorts: 3 } })
  })

  it('are not shrunk below live allocations, which the refusal names', async () => {
    await ports.allocate('consilio', 'api')
    await ports.allocate('consilio', 'web')
    await ports.allocate('consilio', 'web', { hostname: 'alpha.example', protocol: 'udp' })
    const before = await everything()
    const error = await errorOf(ports.resizeRange('consilio', { startPort: 3101, endPort: 3199 }))
    expect(error.code).toBe('RANGE_IN_USE')
    expect(error.message).toContain('3100 api (localhost/tcp)')
    expect(error.message).toContain('3100 web (alpha.example/udp)')
    expect(error.message).not.toContain('3101 ')
    expect(error.message).toContain('still holds ports that would be outside its ranges: 3100 ')
    expect(error.details).toMatchObject({
      projectName: 'consilio',
      count: 2,
      bounds: { startPort: 3101, endPort: 3199 },
    })
    expect(await everything()).toEqual(before)

    await ports.release('consilio', 'api')
    await ports.release('consilio', 'web', 'alpha.example')
    await ports.resizeRange('consilio', { startPort: 3101, endPort: 3199 })
    expect(await heldPorts()).toEqual([3101])
  })

  it('are deleted when nothing is held, and leave their numbers to others', async () => {
    await ports.allocate('consilio', 'api')
    const error = await errorOf(ports.deleteRange('consilio'))
    expect(error.code).toBe('RANGE_IN_USE')
    expect(error.message).toContain('consilio still holds 3100 api (localhost/tcp)')
    expect(error.details.allocations).toEqual([
      {
        serviceName: 'api',
        instance: '',
        portNumber: 3100,
        hostname: 'localhost',
        protocol: 'tcp',
      },
    ])
    expect(await ports.getOrAllocate('consilio', 'api')).toBe(3100)

    await ports.release('consilio', 'api')
    expect(await ports.deleteRange('consilio')).toBeUndefined()
    expect(await errorOf(ports.listByProject('consilio'))).toMatchObject({
      code: 'PROJECT_NOT_FOUND',
    })
    await ports.createRange({ projectName: 'heir', startPort: 3100, endPort: 3199 })
    expect(await ports.getOrAllocate('heir', 'api')).toBe(3100)
  })

  it('name the first ten of many holders and count the rest', async () => {
    for (const _ of numbers(1, 12)) await ports.allocate('consilio', 'worker')
    const error = await errorOf(ports.deleteRange('consilio'))
    expect(error.message).toContain('3109 worker (localhost/tcp) and 2 more.')
    expect(error.message).not.toContain('3110')
    expect(error.details).toMatchObject({ count: 12 })
    expect(error.details.allocations).toHaveLength(10)
  })
})

describe('the name of this host', () => {
  const hostsOf = async (manager: PortManager) =>
    (await manager.listAll()).map(({ hostname }) => hostname)

  it('is localhost unless something says another', async () => {
    vi.stubEnv('PORTS_HOSTNAME', undefined)
    onTestFinished(() => {
      vi.unstubAllEnvs()
    })
    const manager = new PortManager(await openStore())
    expect(manager.scope()).toEqual({ hostname: 'localhost', protocol: 'tcp' })
    await manager.getOrAllocate('consilio', 'api')
    expect(await hostsOf(manager)).toEqual(['localhost'])
  })

  it('is what PORTS_HOSTNAME says, unless a program says another', async () => {
    vi.stubEnv('PORTS_HOSTNAME', 'Alpha.Example')
    onTestFinished(() => {
      vi.unstubAllEnvs()
    })
    const store = await openStore()
    expect(new PortManager(store).scope().hostname).toBe('alpha.example')
    expect(new PortManager(store, { hostname: 'beta' }).scope().hostname).toBe('beta')
    vi.stubEnv('PORTS_HOSTNAME', '')
    expect(new PortManager(store).scope().hostname).toBe('localhost')
    vi.stubEnv('PORTS_HOSTNAME', 'two words')
    expect(() => new PortManager(store)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        details: { field: 'PORTS_HOSTNAME', value: 'two words' },
      }),
    )
  })

  it('is the default in every method', async () => {
    const alpha = await openManager({ hostname: 'alpha.example' })
    expect(await alpha.getOrAllocate('consilio', 'api')).toBe(3100)
    expect(await alpha.allocate('consilio', 'api')).toBe(3101)
    expect(await hostsOf(alpha)).toEqual(['alpha.example', 'alpha.example'])
    expect(await alpha.getProjectSummary('consilio')).toMatchObject({
      hostname: 'alpha.example',
      allocatedPorts: 2,
    })
    expect(await alpha.updatePort('consilio', 'api', METADATA)).toBe(true)
    expect(await ports.updatePort('consilio', 'api', METADATA)).toBe(false)
    expect(await ports.release('consilio', 'api')).toBe(false)
    expect(await alpha.release('consilio', 'api')).toBe(true)
    expect(await alpha.listAll()).toEqual([])
  })

  it.each(['localhost', 'LocalHost', '127.0.0.1', '::1', '[::1]', 'alpha.example'])(
    'is what %s means on that host',
    async (hostname) => {
      const alpha = await openManager({ hostname: 'alpha.example' })
      expect(await alpha.getOrAllocate('consilio', 'api', { hostname })).toBe(3100)
      expect(await alpha.getOrAllocate('consilio', 'api')).toBe(3100)
      expect(await hostsOf(alpha)).toEqual(['alpha.example'])
      expect(await alpha.getProjectSummary('consilio', { hostname })).toMatchObject({
        hostname: 'alpha.example',
        allocatedPorts: 1,
      })
      const change = { description: 'Found' }
      expect(await alpha.updatePort('consilio', 'api', change, { hostname })).toBe(true)
      expect(await alpha.release('consilio', 'api', hostname)).toBe(true)
    },
  )

  it('keeps machines that share a registry apart, each with a 3100', async () => {
    const machines = await Promise.all(
      ['alpha.example', 'beta.example', undefined].map((hostname) =>
        openManager(hostname === undefined ? {} : { hostname }),
      ),
    )
    for (const machine of machines) {
      expect(await machine.getOrAllocate('consilio', 'api', { hostname: 'localhost' })).toBe(3100)
    }
    expect(await hostsOf(ports)).toEqual(['alpha.example', 'beta.example', 'localhost'])
  })

  it('is judged by this host’s kernel', async () => {
    await using service = await tcpService()
    const [silent] = await silentPorts(1)
    const alpha = await openManager({ hostname: NO_SUCH_HOST })
    for (const hostname of [undefined, NO_SUCH_HOST, 'localhost', '127.0.0.1']) {
      expect(await alpha.verifyPort(service.port, hostname)).toBe(true)
      expect(await alpha.verifyPort(silent!, hostname)).toBe(false)
    }
  })
})

describe('instances', () => {
  it('have ports of their own, and are released and updated alone', async () => {
    const login = { instance: 'login' }
    expect(await ports.getOrAllocate('consilio', 'api')).toBe(3100)
    expect(await ports.getOrAllocate('consilio', 'api', login)).toBe(3101)
    expect(await ports.allocate('consilio', 'api', login)).toBe(3102)
    expect(await ports.getOrAllocate('consilio', 'api', { instance: '' })).toBe(3100)
    await ports.updatePort('consilio', 'api', { description: 'The login' }, login)
    expect(await ports.releasePorts('consilio', 'api')).toEqual([
      { portNumber: 3100, protocol: 'tcp' },
    ])
    expect(await ports.listByProject('consilio')).toMatchObject([
      { portNumber: 3101, serviceName: 'api', ...login, description: 'The login' },
      { portNumber: 3102, serviceName: 'api', ...login, description: 'The login' },
    ])
    expect(await ports.release('consilio', 'api', undefined, { ...login, portNumber: 3101 })).toBe(
      true,
    )
    expect(await ports.getOrAllocate('consilio', 'api', login)).toBe(3102)
  })

  it('are told apart by an audit', async () => {
    const [silent] = await silentPorts(1)
    await confine('idle', silent!)
    await ports.getOrAllocate('idle', 'api', { instance: 'login' })
    const { conflicts } = await ports.auditPorts({ projectName: 'idle' })
    expect(conflicts).toMatchObject([{ expected: 'idle/api@login' }])
  })
})

describe('history', () => {
  /** Everything that happened, once transactions of other tests on the server let it be read. */
  const eventsOf = async (changes: number) => {
    const read = async () => (await ports.history({ limit: 1000 })).events
    await expect.poll(read, { timeout: 30_000 }).toHaveLength(SEEDED.length + changes)
    return read()
  }

  it('tells of the default ranges, and then of what was changed, newest first', async () => {
    await ports.getOrAllocate('consilio', 'api', { ...METADATA, actor: 'agent 1.0' })
    await ports.getOrAllocate('consilio', 'api')
    await ports.updatePort('consilio', 'api', { description: null })
    await ports.auditPorts()
    await ports.release('consilio', 'api')
    const [released, updated, allocated, ...seeded] = await eventsOf(3)
    const { description: _, ...rest } = METADATA
    const api = { projectName: 'consilio', serviceName: 'api', portNumber: 3100 }
    const here = `${userInfo().username}@${systemHostname()}`
    expect(allocated).toMatchObject({
      ...api,
      what: 'allocated',
      actor: 'agent 1.0',
      after: METADATA,
    })
    expect(updated).toMatchObject({
      ...api,
      what: 'updated',
      actor: here,
      before: METADATA,
      after: rest,
    })
    expect(released).toMatchObject({ ...api, what: 'released', actor: here })
    expect(seeded.map(({ what, projectName }) => [what, projectName])).toEqual(
      expect.arrayContaining(KNOWN_PROJECTS.map((project) => ['range-created', project])),
    )
  })

  it('is read in pages by their cursors, the last of which has none', async () => {
    for (const _ of numbers(1, 5)) await ports.allocate('consilio', 'worker')
    const whole = (await eventsOf(5)).slice(0, 5)
    const read: unknown[] = []
    let cursor: string | undefined
    let pages = 0
    do {
      const page = await ports.history({
        projectName: 'consilio',
        serviceName: 'worker',
        limit: 2,
        cursor,
      })
      read.push(...page.events)
      cursor = page.nextCursor
      pages++
    } while (cursor !== undefined)
    expect(read).toEqual(whole)
    expect(pages).toBe(3)
  })

  it('is narrowed by number, actor and time', async () => {
    await ports.allocate('consilio', 'worker', { actor: 'agent 1.0' })
    await ports.allocate('consilio', 'worker', { actor: 'agent 2.0' })
    const [second, first] = await eventsOf(2)
    const read = async (options: object) => (await ports.history({ limit: 9, ...options })).events
    expect(await read({ portNumber: 3100 })).toEqual([first])
    expect(await read({ actor: 'agent 2.0' })).toEqual([second])
    expect(await read({ since: new Date(Date.now() + 3_600_000) })).toEqual([])
    expect(await read({ since: new Date(0), projectName: 'consilio', portNumber: 3101 })).toEqual([
      second,
    ])
  })

  it('is read to the end at a cursor that is the highest there can be', async () => {
    await ports.allocate('consilio', 'worker')
    const whole = await eventsOf(1)
    const cursor = '18446744073709551615/9223372036854775807'
    expect((await ports.history({ limit: 1000, cursor })).events).toEqual(whole)
  })
})

type Call = (project: string, options?: { signal: AbortSignal }) => Promise<unknown>

/** Every method that names a project which must have a range. */
const IN_A_PROJECT: Readonly<Record<string, Call>> = {
  getOrAllocate: (project, options) => ports.getOrAllocate(project, 'api', options),
  'getOrAllocate with metadata': (project, options) =>
    ports.getOrAllocate(project, 'api', { ...METADATA, ...options }),
  allocate: (project, options) => ports.allocate(project, 'api', options),
  release: (project, options) => ports.release(project, 'api', undefined, options),
  updatePort: (project, options) => ports.updatePort(project, 'api', METADATA, options),
  'updatePort on all hosts': (project, options) =>
    ports.updatePort(project, 'api', METADATA, { ...options, allHosts: true }),
  find: (project, options) => ports.find(project, 'api', options),
  listByProject: (project, options) => ports.listByProject(project, options),
  listPage: (projectName, options) => ports.listPage({ projectName, limit: 10, ...options }),
  getProjectSummary: (project, options) => ports.getProjectSummary(project, options),
  resizeRange: (project, options) =>
    ports.resizeRange(project, { startPort: 3100, endPort: 3150 }, options),
  deleteRange: (project, options) => ports.deleteRange(project, options),
  deleteRanges: (project, options) => ports.deleteRanges(['odin', project], options),
}

describe('a project without a range', () => {
  it.each(Object.entries(IN_A_PROJECT))('is an error to %s', async (_method, call) => {
    const before = await everything()
    const error = await errorOf(call('myapp'))
    expect(error.code).toBe('PROJECT_NOT_FOUND')
    expect(error.details).toEqual({
      projectName: 'myapp',
      knownProjects: KNOWN_PROJECTS,
      knownProjectsCount: KNOWN_PROJECTS.length,
    })
    expect(error.message).toContain(`known projects: ${KNOWN_PROJECTS.join(', ')}`)
    expect(await everything()).toEqual(before)
  })
})

describe('a signal that was aborted before the call', () => {
  const abortable: Readonly<Record<string, Call>> = {
    ...IN_A_PROJECT,
    listAll: (_project, options) => ports.listAll(options),
    history: (projectName, options) => ports.history({ projectName, limit: 10, ...options }),
    verifyPort: (_project, options) => ports.verifyPort(3100, 'localhost', 'tcp', options),
    checkPort: (_project, options) => ports.checkPort(3100, NO_SUCH_HOST, 'tcp', options),
    auditPorts: (_project, options) => ports.auditPorts(options),
    listRanges: (_project, options) => ports.listRanges(options),
    createRange: (_project, options) =>
      ports.createRange({ projectName: 'myapp', startPort: 4000, endPort: 4009 }, options),
    'createRange by size': (_project, options) =>
      ports.createRange({ projectName: 'myapp', size: 10 }, options),
  }

  it.each(Object.entries(abortable))('keeps %s from doing anything', async (_method, call) => {
    await ports.getOrAllocate('consilio', 'api')
    const before = await everything()
    const reason = new Error('No longer wanted')
    await expect(call('consilio', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(await everything()).toEqual(before)
    expect(await sql(url, 'select from ports.port_health_checks')).toEqual([])
  })
})

describe('import', () => {
  const rowsOf = (count: number) =>
    numbers(1, count).map((nth) => ({
      projectName: `project-${nth % 100}`,
      serviceName: `service-${nth}`,
      hostname: `host-${nth % 3}`,
      portNumber: 10_000 + nth,
    }))

  it('takes 10,000 rows in one call, each with a range of its own', async () => {
    const rows = rowsOf(10_000)
    const options = { dryRun: true }
    expect(await ports.import(rows, options)).toMatchObject({ claimed: 10_000, changed: false })
    expect(await ports.listAll()).toEqual([])
    expect(await ports.import(rows)).toMatchObject({ claimed: 10_000, changed: true })
    expect(await ports.listByProject('project-7')).toHaveLength(100)
    expect(await ports.import(rows)).toMatchObject({ held: 10_000, changed: false })
    const stolen = rows.map((row) => ({ ...row, serviceName: 'other' }))
    expect(await ports.import(stolen)).toMatchObject({ conflicts: 10_000, changed: false })
  }, 180_000)

  it('refuses 10,001 rows and imports none', async () => {
    await expect(ports.import(rowsOf(10_001))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'rows is "10001 rows", but must be at most 10000 rows.',
    })
    expect(await ports.listAll()).toEqual([])
  })
})
