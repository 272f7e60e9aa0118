import { createServer } from 'node:net'
import { freshDatabase, sql } from '@ports/testkit/vitest'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from './connect.js'
import { openManager } from './openManager.js'

/** A number that something listens on until the test is over, or until `close`. */
async function listen() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const close = () => new Promise((resolve) => server.close(resolve))
  onTestFinished(async () => {
    if (server.listening) await close()
  })
  return { port: (server.address() as { port: number }).port, close }
}

test('get-port gives a service one port, the same every time', async () => {
  const { ask } = await connect(await freshDatabase())
  const service = { projectName: 'consilio', serviceName: 'api' }
  // Other programs on this machine do not matter here.
  const get = async (more = {}) => {
    const { listening, listeners, ...told } = await ask('get-port', { ...service, ...more })
    return told
  }
  const first = await get({ serviceType: 'http', description: 'The API' })
  expect(first).toEqual({
    ...service,
    port: 3100,
    created: true,
    hostname: 'localhost',
    protocol: 'tcp',
    message: expect.stringContaining('consilio/api has port 3100'),
  })
  const { message, ...rest } = first
  expect(message).toContain('allocated just now')
  expect(await get()).toEqual({
    ...rest,
    created: false,
    message: expect.stringMatching(
      /^consilio\/api has port 3100 on localhost\/tcp\. The service keeps it until it is released\. /,
    ),
  })
})

test('get-port, allocate-port and update-port tell who else has the Cloudflare hostname', async () => {
  const { ask } = await connect(await freshDatabase())
  const web = { projectName: 'consilio', serviceName: 'web' }
  const api = { projectName: 'odin', serviceName: 'api' }
  const named = { cloudflareHostname: 'shop.example.com' }
  const told = {
    sameCloudflareHostname: ['consilio/web'],
    message: expect.stringContaining(
      'consilio/web has the Cloudflare hostname shop.example.com too.',
    ),
  }
  expect(await ask('get-port', { ...web, ...named })).not.toHaveProperty('sameCloudflareHostname')
  expect(await ask('get-port', api)).not.toHaveProperty('sameCloudflareHostname')
  expect(await ask('update-port', { ...api, ...named })).toMatchObject(told)
  expect(await ask('get-port', { ...api, ...named })).toMatchObject(told)
  expect(await ask('get-port', { ...api, ...named, portNumber: 3350 })).toMatchObject(told)
  expect(await ask('allocate-port', { ...api, ...named })).toMatchObject(told)
  expect(await ask('update-port', { ...api, cloudflareHostname: null })).not.toHaveProperty(
    'sameCloudflareHostname',
  )
})

test('get-port with a number gives exactly that one, which it then returns without', async () => {
  const { ask, failure } = await connect(await freshDatabase())
  const service = { projectName: 'consilio', serviceName: 'web' }
  await ask('get-port', service)
  expect(await ask('get-port', { ...service, portNumber: 3105 })).toMatchObject({
    port: 3105,
    created: true,
  })
  expect(await ask('get-port', service)).toMatchObject({ port: 3105, created: false })
  const other = { projectName: 'consilio', serviceName: 'api', portNumber: 3105 }
  expect(await failure('get-port', other)).toMatch(/^PORT_TAKEN: consilio\/web has held port 3105 /)
})

test('get-port shows a host by the name it is stored under', async () => {
  const { ask } = await connect(await freshDatabase())
  const service = { projectName: 'openhorizon', serviceName: 'api', protocol: 'udp' }
  expect(await ask('get-port', { ...service, hostname: '127.0.0.1' })).toMatchObject({
    hostname: 'localhost',
    protocol: 'udp',
  })
  expect(await ask('get-port', { ...service, hostname: 'Build-1' })).toMatchObject({
    port: 3200,
    hostname: 'build-1',
  })
})

test('allocate-port gives another port at every call, and says what is left', async () => {
  const { ask } = await connect(await freshDatabase())
  const service = { projectName: 'odin', serviceName: 'worker', hostname: 'build-1' }
  await ask('allocate-port', service)
  expect(await ask('allocate-port', service)).toEqual({
    ...service,
    port: 3301,
    protocol: 'tcp',
    portRange: '3300-3399',
    portsRemaining: 98,
    message: expect.stringContaining('3301'),
  })
})

test('allocate-port gives several ports at once, and the same again under the same key', async () => {
  const { ask } = await connect(await freshDatabase())
  const rtp = { projectName: 'odin', serviceName: 'rtp' }
  await ask('get-port', rtp)
  const more = { ...rtp, count: 4, contiguous: true, idempotencyKey: 'call 7' }
  const given = await ask('allocate-port', more)
  expect(given).toMatchObject({
    port: 3301,
    ports: [3301, 3302, 3303, 3304],
    portsRemaining: 95,
    message: expect.stringContaining('more ports, 3301, 3302, 3303, 3304, on localhost/tcp'),
  })
  expect(await ask('allocate-port', more)).toEqual(given)
})

test('list-ports lists a project, page by page', async () => {
  const { ask } = await connect(await freshDatabase())
  const projectName = 'health-agent'
  const web = { serviceType: 'http', cloudflareHostname: 'web.example.com' }
  await ask('get-port', { projectName, serviceName: 'web', ...web })
  await ask('get-port', { projectName, serviceName: 'db' })
  const first = await ask('list-ports', { projectName, limit: 1 })
  expect(first).toEqual({
    count: 2,
    projectFilter: projectName,
    nextCursor: expect.any(String),
    allocations: [
      {
        port: 3400,
        projectName,
        serviceName: 'web',
        ...web,
        status: 'allocated',
        hostname: 'localhost',
        protocol: 'tcp',
        allocatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      },
    ],
  })
  const last = await ask('list-ports', { projectName, limit: 1, cursor: first.nextCursor })
  expect(last).toMatchObject({ count: 2, allocations: [{ port: 3401, serviceName: 'db' }] })
  expect(last).not.toHaveProperty('nextCursor')
})

test('list-ports shows when a status was last checked, and the beginning of a description', async () => {
  const { ask } = await connect(await freshDatabase())
  const service = { projectName: 'consilio', serviceName: 'api' }
  await ask('get-port', { ...service, description: '🚀'.repeat(201) })
  await ask('get-port', { ...service, serviceName: 'web', description: 'x'.repeat(200) })
  const before = (await ask('list-ports')).allocations as Record<string, unknown>[]
  expect(before.map(({ description }) => description)).toEqual([
    `${'🚀'.repeat(199)}…`,
    'x'.repeat(200),
  ])
  for (const held of before) expect(held).not.toHaveProperty('lastCheckedAt')
  await ask('audit-ports')
  const after = (await ask('list-ports')).allocations as Record<string, unknown>[]
  for (const { lastCheckedAt } of after) {
    expect(lastCheckedAt).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
  }
})

test('list-ports lists all projects where none is named', async () => {
  const { ask } = await connect(await freshDatabase())
  await ask('get-port', { projectName: 'consilio', serviceName: 'api' })
  await ask('get-port', { projectName: 'meta-supervisor', serviceName: 'api' })
  expect(await ask('list-ports')).toMatchObject({
    count: 2,
    projectFilter: null,
    allocations: [{ port: 3000 }, { port: 3100 }],
  })
})

test('list-ports narrows by service, host and number', async () => {
  const { ask } = await connect(await freshDatabase())
  await ask('get-port', { projectName: 'consilio', serviceName: 'api' })
  await ask('get-port', { projectName: 'consilio', serviceName: 'web' })
  await ask('get-port', { projectName: 'odin', serviceName: 'web', hostname: 'build-1' })
  const all = { projectName: null, serviceName: '', hostname: null, portNumber: null }
  expect(await ask('list-ports', all)).toMatchObject({ count: 3 })
  expect(await ask('list-ports', { serviceName: 'web', limit: 1 })).toMatchObject({
    count: 2,
    allocations: [{ port: 3101, projectName: 'consilio' }],
  })
  expect(await ask('list-ports', { hostname: 'build-1' })).toMatchObject({
    count: 1,
    allocations: [{ port: 3300, serviceName: 'web' }],
  })
  expect(await ask('list-ports', { portNumber: 3100 })).toMatchObject({
    count: 1,
    allocations: [{ port: 3100, serviceName: 'api' }],
  })
})

test('an instance has ports of its own, and without one only the primary is meant', async () => {
  const { ask } = await connect(await freshDatabase())
  const service = { projectName: 'consilio', serviceName: 'web' }
  const login = { ...service, instance: 'login' }
  expect(await ask('get-port', { ...service, instance: null })).not.toHaveProperty('instance')
  expect(await ask('get-port', login)).toMatchObject({
    port: 3101,
    instance: 'login',
    message: expect.stringContaining('consilio/web@login has port 3101'),
  })
  expect(await ask('allocate-port', login)).toMatchObject({ port: 3102, instance: 'login' })
  const { allocations } = await ask('list-ports')
  expect(allocations).toMatchObject([{ port: 3100 }, { instance: 'login' }, { instance: 'login' }])
  expect((allocations as object[])[0]).not.toHaveProperty('instance')

  expect(await ask('release-port', { ...service, instance: '' })).toMatchObject({
    releasedPorts: [{ port: 3100 }],
  })
  const change = { description: 'x' }
  for (const none of [
    await ask('release-port', service),
    await ask('update-port', { ...service, ...change }),
  ]) {
    expect(none.message).toBe('consilio/web holds no such port. Other instances do: login.')
  }
  expect(await ask('update-port', { ...login, ...change })).toMatchObject({
    message: 'consilio/web@login is updated.',
  })
  expect(await ask('release-port', { ...login, portNumber: 3101 })).toMatchObject({
    message: 'consilio/web@login has given up 3101/tcp.',
  })
  expect(await ask('release-port', { ...service, instance: 'x', portNumber: 3100 })).toMatchObject({
    message: 'consilio/web@x holds no such port; list-ports shows what is held.',
  })
})

test('port-summary counts one scope', async () => {
  const { ask } = await connect(await freshDatabase())
  const projectName = 'quiculum-monitor'
  await ask('get-port', { projectName, serviceName: 'api' })
  await ask('get-port', { projectName, serviceName: 'api', hostname: 'build-1' })
  expect(await ask('port-summary', { projectName })).toEqual({
    projectName,
    summary: {
      rangeStart: 3500,
      rangeEnd: 3599,
      ranges: [{ startPort: 3500, endPort: 3599 }],
      totalPorts: 100,
      allocatedPorts: 1,
      availablePorts: 99,
      allocatableNow: 99,
      utilizationPercent: 1,
    },
    message:
      'quiculum-monitor holds 1 of its 100 ports (3500-3599) on localhost/tcp; 99 available.',
  })
})

test('port-summary says how many of the available numbers are reserved', async () => {
  const url = await freshDatabase()
  const { ask } = await connect(url)
  const manager = await openManager(url)
  await ask('get-port', { projectName: 'consilio', serviceName: 'web' })
  await manager.reserve({ startPort: 3100, endPort: 3109 }, 'migration')
  expect(await ask('port-summary', { projectName: 'consilio' })).toMatchObject({
    summary: { availablePorts: 99, allocatableNow: 90 },
    message:
      'consilio holds 1 of its 100 ports (3100-3199) on localhost/tcp; 99 available (9 reserved).',
  })
})

test('get-port passes over what is reserved, and says so in one sentence', async () => {
  const url = await freshDatabase()
  const { ask } = await connect(url)
  await (await openManager(url)).reserve({ startPort: 3100, endPort: 3104 }, 'migration')
  const told = await ask('get-port', { projectName: 'consilio', serviceName: 'web' })
  expect(told).toMatchObject({
    port: 3105,
    message: expect.stringContaining(' Skipped 3100-3104: reserved.'),
  })
  expect(told.skipped).toHaveLength(5)
})

test('port-summary without a project lists the ranges of all projects', async () => {
  const url = await freshDatabase()
  const { ask, failure } = await connect(url)
  const manager = await openManager(url)
  const onNas = { projectName: 'homelab', startPort: 8096, endPort: 8096, hostname: 'nas' }
  await manager.createRange(onNas)
  const { message, ranges } = await ask('port-summary')
  expect(message).toMatch(/^8 ranges, by number\. port-summary with a projectName says how full /)
  expect(ranges).toHaveLength(8)
  expect(ranges).toContainEqual({ projectName: 'consilio', startPort: 3100, endPort: 3199 })
  expect(ranges).toContainEqual(onNas)
  expect(await ask('port-summary', { hostname: 'build-1' })).toMatchObject({
    message: expect.stringMatching(/^7 ranges on build-1, /),
  })
  expect((await ask('port-summary', { hostname: 'NAS' })).ranges).toContainEqual(onNas)
  expect(await failure('port-summary', { hostname: 'a..b' })).toContain('hostname is "a..b", ')
})

test('port-summary shows a model no more ranges than it can read', async () => {
  const url = await freshDatabase()
  await sql(
    url,
    `select ports.create_range('project-' || number, 20000 + number, 20000 + number)
    from generate_series(1, 300) as number`,
  )
  const { ask } = await connect(url)
  const { message, ranges } = await ask('port-summary')
  expect(ranges).toHaveLength(200)
  expect(message).toMatch(/^307 ranges, by number\. The first 200 are shown\. /)
})

test('release-port releases what it is told, once, and the number is free again', async () => {
  const { ask } = await connect(await freshDatabase())
  const service = { projectName: 'consilio', serviceName: 'released', hostname: 'build-2' }
  await ask('allocate-port', service)
  await ask('allocate-port', service)
  const { hostname, ...named } = service
  const one = { ...service, portNumber: 3100, protocol: 'tcp' }
  expect(await ask('release-port', one)).toEqual({
    ...named,
    released: true,
    releasedPorts: [{ port: 3100, protocol: 'tcp' }],
    message: 'consilio/released has given up 3100/tcp.',
  })
  expect(await ask('release-port', one)).toMatchObject({ released: false, releasedPorts: [] })
  expect(await ask('get-port', service)).toMatchObject({ port: 3101 })
  expect(await ask('allocate-port', service)).toMatchObject({ port: 3100 })
})

test('release-port lists the numbers of a service that has several, and releases none', async () => {
  const { ask, failure } = await connect(await freshDatabase())
  const service = { projectName: 'consilio', serviceName: 'worker' }
  for (const _ of [1, 2]) await ask('allocate-port', service)
  await ask('get-port', { ...service, protocol: 'udp' })
  await ask('get-port', { ...service, instance: 'login' })
  await ask('get-port', { ...service, hostname: 'build-1' })
  const refused = await failure('release-port', service)
  expect(refused).toMatch(/^INVALID_ARGUMENT: consilio\/worker holds several ports on localhost: /)
  expect(refused).toContain('3100/tcp, 3100/udp, 3101/tcp. Give the portNumber of one, or allPorts')
  expect(await failure('release-port', { ...service, allPorts: false })).toBe(refused)
  expect(await failure('release-port', { ...service, allPorts: true, portNumber: 3100 })).toContain(
    'allPorts cannot be combined with portNumber.',
  )
  expect(await ask('list-ports')).toMatchObject({ count: 5 })

  expect(await ask('release-port', { ...service, protocol: 'udp' })).toMatchObject({
    releasedPorts: [{ port: 3100, protocol: 'udp' }],
  })
  expect(await ask('release-port', { ...service, allPorts: true })).toMatchObject({
    releasedPorts: [{ port: 3100 }, { port: 3101 }],
  })
  expect(await ask('release-port', { ...service, allPorts: true })).toMatchObject({
    released: false,
    message: 'consilio/worker holds no such port. Other instances do: login.',
  })
})

test('release-port needs no number if the service has one, for both protocols', async () => {
  const { ask } = await connect(await freshDatabase())
  const service = { projectName: 'consilio', serviceName: 'dns' }
  await ask('get-port', service)
  await ask('get-port', { ...service, protocol: 'udp' })
  expect(await ask('release-port', service)).toMatchObject({
    releasedPorts: [
      { port: 3100, protocol: 'tcp' },
      { port: 3100, protocol: 'udp' },
    ],
  })
})

test('update-port sets a text, clears with null, and leaves the rest', async () => {
  const url = await freshDatabase()
  const { ask } = await connect(url)
  const service = { projectName: 'consilio', serviceName: 'updated', hostname: 'build-3' }
  await ask('get-port', { ...service, serviceType: 'http', description: 'Old' })
  const { hostname, ...named } = service
  const change = { serviceType: null, cloudflareHostname: 'x.example.com' }
  expect(await ask('update-port', { ...service, ...change })).toEqual({
    ...named,
    updated: true,
    message: expect.any(String),
  })
  const [held] = (await (await openManager(url)).listByProject('consilio')).filter(
    ({ serviceName }) => serviceName === 'updated',
  )
  expect(held).toMatchObject({ description: 'Old', cloudflareHostname: 'x.example.com' })
  expect(held).not.toHaveProperty('serviceType')
  expect(await ask('update-port', { ...service, hostname: 'build-4', ...change })).toMatchObject({
    updated: false,
  })
})

test('update-port changes every host where that is asked', async () => {
  const url = await freshDatabase()
  const { ask, failure } = await connect(url)
  const service = { projectName: 'consilio', serviceName: 'updated' }
  for (const hostname of ['build-3', 'build-4']) await ask('get-port', { ...service, hostname })
  const everywhere = { ...service, serviceType: 'http', allHosts: true }
  expect(await ask('update-port', everywhere)).toMatchObject({ updated: true })
  const held = await (await openManager(url)).listByProject('consilio')
  expect(held.map(({ serviceType }) => serviceType)).toEqual(['http', 'http'])
  expect(await failure('update-port', { ...everywhere, hostname: 'build-3' })).toContain('hostname')
  expect(await ask('update-port', { ...everywhere, instance: 'login' })).toMatchObject({
    updated: false,
    message: expect.stringContaining('Other instances do: (primary)'),
  })
})

test('audit-ports tells what runs from what does not and what cannot be told', async () => {
  const url = await freshDatabase()
  const { ask } = await connect(url)
  const manager = await openManager(url)
  const up = await listen()
  const down = await listen()
  await down.close()
  for (const { port } of [up, down]) {
    const projectName = `on-${port}`
    await manager.createRange({ projectName, startPort: port, endPort: port })
    await ask('get-port', { projectName, serviceName: 'web' })
  }
  const elsewhere = { hostname: 'build-1', protocol: 'udp' }
  await ask('get-port', { projectName: 'consilio', serviceName: 'dns', ...elsewhere })
  const { conflicts, ...told } = await ask('audit-ports')
  // The numbers are ephemeral, and what else listens on this machine decides nothing here.
  const isOfState = ({ kind }: { kind: string }) => kind === 'not-running'
  expect({ ...told, conflicts: (conflicts as { kind: string }[]).filter(isOfState) }).toEqual({
    summary: { allocated: 3, inUse: 1, notRunning: 1, unverified: 1, healthPercentage: 50 },
    conflicts: [
      {
        port: down.port,
        expected: `on-${down.port}/web`,
        kind: 'not-running',
        actual: 'not running',
        hostname: 'localhost',
        protocol: 'tcp',
      },
    ],
    unverifiedPorts: [
      {
        port: 3100,
        expected: 'consilio/dns',
        ...elsewhere,
        reason: 'udp-of-another-host',
      },
    ],
    message: '3 allocated ports: 1 in use, 1 not running, 1 unverified.',
  })
})

test('audit-ports counts an empty registry as healthy', async () => {
  const { ask } = await connect(await freshDatabase())
  expect(await ask('audit-ports')).toMatchObject({
    summary: { allocated: 0, healthPercentage: 100 },
  })
})

test('audit-ports calls nothing healthy of which nothing is known', async () => {
  const { ask } = await connect(await freshDatabase())
  const elsewhere = { hostname: 'build-1', protocol: 'udp' }
  await ask('get-port', { projectName: 'consilio', serviceName: 'dns', ...elsewhere })
  expect(await ask('audit-ports')).toMatchObject({
    summary: { allocated: 1, inUse: 0, notRunning: 0, unverified: 1 },
    message: '1 allocated port: 0 in use, 0 not running, 1 unverified.',
  })
  expect(await ask('audit-ports')).not.toHaveProperty('summary.healthPercentage')
})

test('audit-ports shows a model no more ports than it can read', async () => {
  const url = await freshDatabase()
  const { ask } = await connect(url)
  const manager = await openManager(url)
  const services = Array.from({ length: 201 }, (_, index) => `service-${index}`)
  await Promise.all(
    services.map((name) => manager.allocate('shared-services', name, { protocol: 'udp' })),
  )
  const { message, summary, conflicts } = await ask('audit-ports')
  expect(summary).toMatchObject({ allocated: 201, notRunning: 201 })
  expect(conflicts).toHaveLength(200)
  expect(message).toContain('list-ports')

  const elsewhere = { hostname: 'build-1', protocol: 'udp' } as const
  await Promise.all(services.map((name) => manager.allocate('shared-services', name, elsewhere)))
  const { unverifiedPorts, summary: all } = await ask('audit-ports')
  expect(all).toMatchObject({ allocated: 402, unverified: 201 })
  expect(unverifiedPorts).toHaveLength(200)
})
