import { describe, expect, it } from 'vitest'
import type { PortsError } from '../src/errors.js'
import type { Protocol } from '../src/PortAllocation.js'
import { PortManager } from '../src/PortManager.js'
import { untouchedStore } from './untouchedStore.js'

const manager = new PortManager(untouchedStore, { hostname: 'localhost' })

/** Rows for `it.each`, each value beside its name in the test's title. */
const titled = (values: readonly unknown[]) =>
  values.map((value) => [
    typeof value === 'string' && value.length <= 40 ? JSON.stringify(value) : titleOf(value),
    value,
  ])

function titleOf(value: unknown): string {
  return typeof value === 'string' ? `${value.length} characters` : String(value)
}

async function expectInvalid(call: () => Promise<unknown>, field: string, value: unknown) {
  const error: PortsError = await call().then(
    () => expect.unreachable('it was accepted'),
    (thrown) => thrown,
  )
  expect(error).toMatchObject({ name: 'PortsError', code: 'INVALID_ARGUMENT' })
  const { suggestion, ...details } = error.details
  expect(details).toEqual({ field, value })
  if (suggestion !== undefined) expect(error.message).toContain(`, such as ${suggestion}.`)
  const named = field.replace(/[[\].]/g, String.raw`\$&`)
  expect(error.message).toMatch(
    new RegExp(`^${named} (is .+, but must be|cannot be combined with) .+\\.$`),
  )
}

const asksTheStore = (call: Promise<unknown>) => expect(call).rejects.toThrow('the store was asked')

const BAD_NAMES = [
  '',
  ' ',
  'a'.repeat(64),
  'a'.repeat(300),
  'we b',
  'web\n',
  'we\tb',
  'web\0',
  '\u001b[31mweb',
  "'; drop table port_allocations; --",
  '🦀',
  'müller',
  '../',
  '..',
  'shop/web',
  '-web',
  '.web',
  '_web',
  42,
  null,
  undefined,
  {},
  ['web'],
]

const BAD_HOSTNAMES = [
  '0.0.0.0',
  '::',
  '::ffff:0.0.0.0',
  ' ',
  '.',
  'two words',
  'alpha\n',
  'alpha\0',
  'http://alpha',
  'alpha:3000',
  'alpha/',
  'user@alpha',
  '-alpha',
  'alpha-',
  'alpha..example.com',
  '.alpha',
  `${'a'.repeat(64)}.example.com`,
  `${'a.'.repeat(126)}ab`,
  '256.0.0.1',
  '1.2.3',
  '10.0.0.1.5',
  '12345',
  '0x7f000001',
  '[::1',
  '::g',
  'fe80::1%eth0',
  '*.example.com',
  'müller.example.com',
  '🦀',
  '../etc/passwd',
  "'; drop table port_allocations; --",
  42,
]

const BAD_PORTS = [
  0,
  -1,
  65536,
  3.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  'abc',
  '3000',
  '',
  null,
  {},
]

const BAD_PROTOCOLS = ['sctp', 'TCP', 'tcp ', 6]

describe('the store of these tests', () => {
  it('is asked if the input is well-formed', async () => {
    await asksTheStore(manager.getOrAllocate('shop', 'web'))
    await asksTheStore(manager.allocate('Shop_2.next-js', 'a'.repeat(63)))
    await asksTheStore(manager.release('shop', 'web', '[::1]', { protocol: 'udp' }))
    await asksTheStore(manager.updatePort('shop', 'web', { description: null }))
    await asksTheStore(manager.listPage({ limit: 1000, cursor: '65535/udp/fe80::1' }))
    await asksTheStore(manager.createRange({ projectName: 'shop', startPort: 1, endPort: 65535 }))
    await asksTheStore(manager.createRange({ projectName: 'shop', size: 100 }))
    await asksTheStore(manager.auditPorts({ timeoutMs: 60_000 }))
    await asksTheStore(manager.allocate('shop', 'web', { instance: 'feature.login-2' }))
    await asksTheStore(
      manager.history({
        limit: 1000,
        projectName: 'shop',
        serviceName: 'web',
        portNumber: 65535,
        actor: 'x'.repeat(200),
        since: new Date(0),
        cursor: '18446744073709551615/9223372036854775807',
      }),
    )
  })
})

describe('a project name', () => {
  const calls: Readonly<Record<string, (name: never) => Promise<unknown>>> = {
    getOrAllocate: (name) => manager.getOrAllocate(name, 'web'),
    allocate: (name) => manager.allocate(name, 'web'),
    release: (name) => manager.release(name, 'web'),
    updatePort: (name) => manager.updatePort(name, 'web', { description: 'Storefront' }),
    listByProject: (name) => manager.listByProject(name),
    getProjectSummary: (name) => manager.getProjectSummary(name),
    createRange: (name) => manager.createRange({ projectName: name, startPort: 1, endPort: 2 }),
    addRange: (name) => manager.addRange(name, { startPort: 1, endPort: 2 }),
    ensureCheckout: (name) => manager.ensureCheckout(name, { root: '/srv', isLinked: false }),
    findInstance: (name) => manager.findInstance(name, { root: '/srv', isLinked: false }),
    noteAllocations: (name) =>
      manager.noteAllocations({ projectName: name, hostname: 'localhost', directory: '/srv' }, [
        '1',
      ]),
    forgetCheckout: (name) =>
      manager.forgetCheckout({ projectName: name, hostname: 'localhost', directory: '/srv' }),
    ensureRange: (name) => manager.ensureRange(name),
    resizeRange: (name) => manager.resizeRange(name, { startPort: 1, endPort: 2 }),
    removeRange: (name) => manager.removeRange(name, 3000),
    deleteRange: (name) => manager.deleteRange(name),
    deleteRanges: (name) => manager.deleteRanges(['shop', name]),
  }
  describe.each(Object.entries(calls))('of %s', (_method, call) => {
    it.each(titled(BAD_NAMES))('cannot be %s', (_title, name) =>
      expectInvalid(() => call(name as never), 'projectName', name),
    )
  })

  // What counts as not given means all projects.
  it.each(titled(BAD_NAMES.filter((name) => name !== undefined && name !== null && name !== '')))(
    'of listPage cannot be %s',
    (_title, name) =>
      expectInvalid(
        () => manager.listPage({ projectName: name as string, limit: 10 }),
        'projectName',
        name,
      ),
  )
})

describe('a service name', () => {
  const calls: Readonly<Record<string, (name: never) => Promise<unknown>>> = {
    getOrAllocate: (name) => manager.getOrAllocate('shop', name),
    allocate: (name) => manager.allocate('shop', name),
    release: (name) => manager.release('shop', name),
    updatePort: (name) => manager.updatePort('shop', name, { description: 'Storefront' }),
  }
  describe.each(Object.entries(calls))('of %s', (_method, call) => {
    it.each(titled(BAD_NAMES))('cannot be %s', (_title, name) =>
      expectInvalid(() => call(name as never), 'serviceName', name),
    )
  })
})

describe('an instance', () => {
  const calls: Readonly<Record<string, (instance: string) => Promise<unknown>>> = {
    getOrAllocate: (instance) => manager.getOrAllocate('shop', 'web', { instance }),
    allocate: (instance) => manager.allocate('shop', 'web', { instance }),
    release: (instance) => manager.release('shop', 'web', undefined, { instance }),
    updatePort: (instance) =>
      manager.updatePort('shop', 'web', { description: 'Storefront' }, { instance }),
  }
  const absent: readonly unknown[] = [undefined, null, '']
  describe.each(Object.entries(calls))('of %s', (_method, call) => {
    it.each(titled(BAD_NAMES.filter((name) => !absent.includes(name))))(
      'cannot be %s',
      (_title, instance) => expectInvalid(() => call(instance as string), 'instance', instance),
    )

    it.each(titled(absent))('is the primary one where it is %s', (_title, instance) =>
      asksTheStore(call(instance as string)),
    )
  })
})

describe('a hostname', () => {
  const calls: Readonly<Record<string, (hostname: string) => Promise<unknown>>> = {
    scope: async (hostname) => manager.scope({ hostname }),
    getOrAllocate: (hostname) => manager.getOrAllocate('shop', 'web', { hostname }),
    allocate: (hostname) => manager.allocate('shop', 'web', { hostname }),
    release: (hostname) => manager.release('shop', 'web', hostname),
    updatePort: (hostname) =>
      manager.updatePort('shop', 'web', { description: 'Storefront' }, { hostname }),
    getProjectSummary: (hostname) => manager.getProjectSummary('shop', { hostname }),
    verifyPort: (hostname) => manager.verifyPort(3000, hostname),
    checkPort: (hostname) => manager.checkPort(3000, hostname),
    useOfPort: (hostname) => manager.useOfPort(3000, { hostname }),
    explainPort: (hostname) => manager.explainPort(3000, { hostname }),
    createRange: (hostname) => manager.createRange({ projectName: 'shop', size: 10, hostname }),
    addRange: (hostname) => manager.addRange('shop', { startPort: 1, endPort: 2, hostname }),
  }
  describe.each(Object.entries(calls))('of %s', (_method, call) => {
    it.each(titled(BAD_HOSTNAMES))('cannot be %s', (_title, hostname) =>
      expectInvalid(() => call(hostname as string), 'hostname', hostname),
    )
  })
})

describe('a protocol', () => {
  const calls: Readonly<Record<string, (protocol: Protocol) => Promise<unknown>>> = {
    scope: async (protocol) => manager.scope({ protocol }),
    getOrAllocate: (protocol) => manager.getOrAllocate('shop', 'web', { protocol }),
    allocate: (protocol) => manager.allocate('shop', 'web', { protocol }),
    release: (protocol) => manager.release('shop', 'web', undefined, { protocol }),
    updatePort: (protocol) =>
      manager.updatePort('shop', 'web', { description: 'Storefront' }, { protocol }),
    getProjectSummary: (protocol) => manager.getProjectSummary('shop', { protocol }),
    verifyPort: (protocol) => manager.verifyPort(3000, 'localhost', protocol),
    useOfPort: (protocol) => manager.useOfPort(3000, { protocol }),
    explainPort: (protocol) => manager.explainPort(3000, { protocol }),
  }
  describe.each(Object.entries(calls))('of %s', (_method, call) => {
    it.each(titled(BAD_PROTOCOLS))('cannot be %s', (_title, protocol) =>
      expectInvalid(() => call(protocol as Protocol), 'protocol', protocol),
    )
  })
})

describe('a length of time', () => {
  const calls: Readonly<Record<string, [string, (seconds: number) => Promise<unknown>]>> = {
    getOrAllocate: [
      'ttlSeconds',
      (ttlSeconds) => manager.getOrAllocate('shop', 'web', { ttlSeconds }),
    ],
    allocate: ['ttlSeconds', (ttlSeconds) => manager.allocate('shop', 'web', { ttlSeconds })],
    claim: ['ttlSeconds', (ttlSeconds) => manager.claim('shop', 'web', 3000, { ttlSeconds })],
    ensureMany: [
      'ttlSeconds',
      (ttlSeconds) => manager.ensureMany('shop', [{ service: 'web' }], { ttlSeconds }),
    ],
    renew: ['ttlSeconds', (seconds) => manager.renew('shop', 'web', seconds)],
    setRest: ['restSeconds', (seconds) => manager.setRest('shop', seconds)],
  }

  describe.each(Object.entries(calls))('of %s', (_method, [field, call]) => {
    it.each([-1, 1.5, 31_536_001, Number.NaN, '60'])('cannot be %s', async (seconds) => {
      await expect(call(seconds as number)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        details: { field },
      })
    })
  })
})

describe('a port', () => {
  const calls: Readonly<Record<string, [string, (port: number) => Promise<unknown>]>> = {
    verifyPort: ['port', (port) => manager.verifyPort(port)],
    checkPort: ['port', (port) => manager.checkPort(port)],
    useOfPort: ['port', (port) => manager.useOfPort(port)],
    explainPort: ['port', (port) => manager.explainPort(port)],
    release: [
      'portNumber',
      (portNumber) => manager.release('shop', 'web', undefined, { portNumber }),
    ],
    updatePort: [
      'portNumber',
      (portNumber) =>
        manager.updatePort('shop', 'web', { description: 'Storefront' }, { portNumber }),
    ],
    createRange: [
      'startPort',
      (startPort) => manager.createRange({ projectName: 'shop', startPort, endPort: 65535 }),
    ],
    addRange: ['endPort', (endPort) => manager.addRange('shop', { startPort: 1, endPort })],
    resizeRange: ['endPort', (endPort) => manager.resizeRange('shop', { startPort: 1, endPort })],
    removeRange: ['startPort', (startPort) => manager.removeRange('shop', startPort)],
  }
  describe.each(Object.entries(calls))('of %s', (_method, [field, call]) => {
    // An optional number that is null counts as not given.
    const bad = BAD_PORTS.filter((port) => port !== null || field !== 'portNumber')
    it.each(titled(bad))('cannot be %s', (_title, port) =>
      expectInvalid(() => call(port as number), field, port),
    )
  })
})

describe('a list of projects', () => {
  it('cannot be anything else', async () => {
    for (const names of ['shop', undefined, null, {}]) {
      await expectInvalid(() => manager.deleteRanges(names as never), 'projectNames', names)
    }
  })
})

describe('a range', () => {
  it('cannot end before it starts', async () => {
    const bounds = { startPort: 4000, endPort: 3000 }
    await expectInvalid(
      () => manager.createRange({ projectName: 'shop', ...bounds }),
      'endPort',
      3000,
    )
    await expectInvalid(() => manager.addRange('shop', bounds), 'endPort', 3000)
    await expectInvalid(() => manager.resizeRange('shop', bounds), 'endPort', 3000)
  })

  it('cannot go beyond the last port', async () => {
    const bounds = { startPort: 1, endPort: 70_000 }
    await expectInvalid(
      () => manager.createRange({ projectName: 'shop', ...bounds }),
      'endPort',
      70_000,
    )
    await expectInvalid(() => manager.resizeRange('shop', bounds), 'endPort', 70_000)
  })

  it.each(titled([0, -1, 1.5, 16_385, Number.NaN, '100', null]))(
    'cannot have a size of %s',
    (_title, size) =>
      expectInvalid(
        () => manager.createRange({ projectName: 'shop', size: size as number }),
        'size',
        size,
      ),
  )

  it('cannot have both a size and ends', () =>
    expectInvalid(
      () => manager.createRange({ projectName: 'shop', size: 10, startPort: 4000, endPort: 4009 }),
      'size',
      10,
    ))
})

describe('text for people', () => {
  const BAD_TEXTS = [' \t\n', 'a\0b', '\ud800', 42]
  const calls: Readonly<Record<string, (description: string) => Promise<unknown>>> = {
    getOrAllocate: (description) => manager.getOrAllocate('shop', 'web', { description }),
    allocate: (description) => manager.allocate('shop', 'web', { description }),
    createRange: (description) =>
      manager.createRange({ projectName: 'shop', startPort: 1, endPort: 2, description }),
    'createRange by size': (description) =>
      manager.createRange({ projectName: 'shop', size: 100, description }),
  }
  describe.each(Object.entries(calls))('of %s', (_method, call) => {
    it.each(titled([...BAD_TEXTS, 'x'.repeat(1001)]))('cannot be %s', (_title, description) =>
      expectInvalid(() => call(description as string), 'description', description),
    )

    it.each(
      titled([
        'Café – 店舗 🛍',
        "'; drop table ports; --",
        '../',
        'a\nb',
        '\u001b[31m',
        '🦀'.repeat(1000),
      ]),
    )('can be %s', (_title, description) => asksTheStore(call(description as string)))
  })

  it.each(titled([' ', 'a\0b', 'x'.repeat(101), 42]))(
    'cannot be %s as a service type',
    (_title, serviceType) =>
      expectInvalid(
        () => manager.allocate('shop', 'web', { serviceType: serviceType as string }),
        'serviceType',
        serviceType,
      ),
  )

  // A public name may begin with a wildcard.
  const bad = BAD_HOSTNAMES.filter((hostname) => hostname !== '*.example.com')
  it.each(titled(bad))('cannot be %s as a Cloudflare hostname', (_title, hostname) =>
    expectInvalid(
      () => manager.allocate('shop', 'web', { cloudflareHostname: hostname as string }),
      'cloudflareHostname',
      hostname,
    ),
  )
})

describe('all hosts', () => {
  const update = (options: object) =>
    untyped.updatePort!('shop', 'web', { description: 'Storefront' }, options)

  it.each(titled(['yes', 1, {}]))('cannot be %s', (_title, allHosts) =>
    expectInvalid(async () => update({ allHosts }), 'allHosts', allHosts),
  )

  it('cannot be given with a host', () =>
    expectInvalid(async () => update({ allHosts: true, hostname: 'alpha' }), 'hostname', 'alpha'))

  it('can be false beside a host, or true without one', async () => {
    await asksTheStore(update({ allHosts: false, hostname: 'alpha' }) as Promise<unknown>)
    await asksTheStore(update({ allHosts: true }) as Promise<unknown>)
  })
})

describe('a batch', () => {
  const ensureMany = (items: unknown) => () => manager.ensureMany('shop', items as [])

  it.each(titled([undefined, null, 'web', {}, []]))('cannot have the items %s', (_title, items) =>
    expectInvalid(ensureMany(items), 'items', items),
  )

  it.each<[string, readonly unknown[]]>([
    ['service', BAD_NAMES],
    ['count', [0, -1, 1001, 2.5, Number.NaN, '4', '']],
    ['contiguous', [1, 'yes', {}]],
    ['protocols', ['tcp', [], {}, 42]],
  ])('cannot have such %s, and names the entry', async (field, values) => {
    for (const value of values) {
      const items = [{ service: 'api' }, { service: 'web', [field]: value }]
      await expectInvalid(ensureMany(items), `items[1].${field}`, value)
    }
  })

  it.each(titled(['web', null, 42, ['web']]))('cannot have the entry %s', (_title, entry) =>
    expectInvalid(ensureMany([{ service: 'api' }, entry]), 'items[1]', entry),
  )

  it.each([
    ['protocol', 'udp'],
    ['count', 4],
    ['contiguous', false],
    ['preferredPort', 3105],
    ['idempotencyKey', 'deploy 7'],
  ])('cannot have the option %s, which it would ignore', (option, value) =>
    expectInvalid(
      async () => untyped.ensureMany!('shop', [{ service: 'web' }], { [option]: value }),
      option,
      value,
    ),
  )

  it('cannot have more than 1,000 numbers, or a service twice for a protocol', async () => {
    const big = { service: 'a', count: 600 }
    await expectInvalid(ensureMany([big, { ...big, service: 'b', count: 401 }]), 'count', 1001)
    await expectInvalid(ensureMany([{ service: 'a' }, { service: 'a' }]), 'items[1].service', 'a')
    const both = { service: 'b', protocols: ['tcp', 'udp'] }
    const udp = { service: 'b', protocols: ['udp'] }
    await expectInvalid(ensureMany([udp, both]), 'items[1].service', 'b')
    const sctp = { service: 'a', protocols: ['sctp'] }
    await expectInvalid(ensureMany([sctp]), 'items[0].protocols', 'sctp')
  })

  it('may have a service once for each protocol', () =>
    asksTheStore(
      ensureMany([
        { service: 'a', protocols: ['tcp'], count: 500, contiguous: true },
        { service: 'a', protocols: ['udp', 'udp'], count: 500 },
      ])(),
    ))

  it('of allocate cannot be contiguous without a count', () =>
    expectInvalid(
      async () => untyped.allocate!('shop', 'web', { contiguous: true }),
      'contiguous',
      true,
    ))

  it.each(titled([0, 1001, '4', '']))('of allocate cannot have the count %s', (_title, count) =>
    expectInvalid(
      () => manager.allocate('shop', 'web', { count: count as number }),
      'count',
      count,
    ),
  )
})

describe('a change of metadata', () => {
  it('cannot be empty', async () => {
    await expectInvalid(() => manager.updatePort('shop', 'web', {}), 'change', {})
    for (const nothing of [undefined, '']) {
      const change = { description: nothing }
      await expectInvalid(() => manager.updatePort('shop', 'web', change), 'change', change)
    }
  })

  it.each([
    ['serviceType', 'x'.repeat(101)],
    ['description', 'x'.repeat(1001)],
    ['description', 'a\0b'],
    ['cloudflareHostname', 'https://shop.example.com'],
  ])('cannot have a %s that allocate would refuse', (field, value) =>
    expectInvalid(() => manager.updatePort('shop', 'web', { [field]: value }), field, value),
  )
})

describe('a page', () => {
  it.each(titled([0, -1, 1001, 2.5, Number.NaN, '10', undefined]))(
    'cannot have a limit of %s',
    (_title, limit) =>
      expectInvalid(() => manager.listPage({ limit: limit as number }), 'limit', limit),
  )

  it.each(titled(['next', '3000', '3000/tcp/', '3000/sctp/alpha', '-1/tcp/alpha', 3000]))(
    'cannot start at %s',
    (_title, cursor) =>
      expectInvalid(
        () => manager.listPage({ limit: 10, cursor: cursor as string }),
        'cursor',
        cursor,
      ),
  )

  it.each(['0/tcp/alpha', '70000/tcp/alpha', '3000/tcp/two words'])(
    'cannot start at %s',
    async (cursor) => {
      await expect(manager.listPage({ limit: 10, cursor })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        details: { field: 'cursor' },
      })
    },
  )
})

describe('a list', () => {
  const filters: readonly [string, readonly unknown[]][] = [
    ['serviceName', ['two words', '../', 42]],
    ['hostname', ['two words', 'alpha:3000', 42]],
    ['portNumber', [0, 65_536, 3000.5, '3000', '']],
  ]
  it.each(filters)('cannot be narrowed by such a %s', async (field, values) => {
    for (const value of values) {
      await expectInvalid(() => manager.listAll({ [field]: value }), field, value)
      await expectInvalid(() => manager.listByProject('shop', { [field]: value }), field, value)
      await expectInvalid(() => manager.listPage({ limit: 10, [field]: value }), field, value)
    }
  })
})

describe('a history', () => {
  it.each<[string, readonly unknown[]]>([
    ['limit', [0, -1, 1001, 2.5, Number.NaN, '10', '', undefined, null]],
    ['projectName', ['two words', '../', 42]],
    ['serviceName', ['two words', '../', 42]],
    ['portNumber', [0, 65_536, 3000.5, '3000', '']],
    ['actor', [' ', 'a\0b', 'x'.repeat(201), 42]],
    ['since', ['yesterday', '2026-01-01', 0, 1e12, new Date('never'), {}]],
    [
      'cursor',
      [
        'next',
        '1',
        '1/',
        '/1',
        '1/2/3',
        '-1/2',
        '1/2 ',
        '1.5/2',
        '1/20000000000000000000',
        '300000000000000000000/1',
        12,
      ],
    ],
  ])('cannot have such a %s', async (field, values) => {
    for (const value of values) {
      const options = { limit: 10, [field]: value } as { limit: number }
      await expect(manager.history(options), String(value)).rejects.toMatchObject({
        name: 'PortsError',
        code: 'INVALID_ARGUMENT',
        details: { field },
      })
    }
  })

  it('has all events if no filter is given', async () => {
    for (const absent of [undefined, null, '']) {
      for (const field of ['projectName', 'serviceName', 'actor', 'since', 'cursor']) {
        await asksTheStore(manager.history({ limit: 10, [field]: absent }))
      }
    }
  })

  it('refuses a cursor beyond the last possible event', async () => {
    for (const cursor of ['1/9223372036854775808', '18446744073709551616/1']) {
      await expect(manager.history({ limit: 10, cursor })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        details: { field: 'cursor', value: cursor },
      })
    }
  })
})

describe('a timeout', () => {
  it.each(titled([0, -1, 1.5, 60_001, Number.NaN, Number.POSITIVE_INFINITY, '1000', '']))(
    'cannot be %s',
    async (_title, value) => {
      const timeoutMs = value as number
      const check = () => manager.checkPort(3000, 'localhost', 'tcp', { timeoutMs })
      await expectInvalid(check, 'timeoutMs', value)
      await expectInvalid(() => manager.auditPorts({ timeoutMs }), 'timeoutMs', value)
    },
  )
})

/** Callers in JavaScript can pass anything. */
const untyped = manager as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>

const NO_OBJECTS = ['x', 42, true, ['x'], () => {}]

describe('options', () => {
  /** The arguments before the options, which may be left out. */
  const before: Readonly<Record<string, readonly unknown[]>> = {
    scope: [],
    instance: ['shop'],
    service: ['shop', 'web'],
    passedOver: [],
    find: ['shop', 'web'],
    ensure: ['shop', 'web'],
    ensureMany: ['shop', [{ service: 'web' }]],
    claim: ['shop', 'web', 3105],
    instancesOf: ['shop', 'web'],
    neighbourhood: ['shop'],
    listHosts: [],
    deleteRanges: [['shop']],
    getOrAllocate: ['shop', 'web'],
    allocate: ['shop', 'web'],
    allocatePorts: ['shop', 'web'],
    release: ['shop', 'web', undefined],
    releasePorts: ['shop', 'web', undefined],
    renew: ['shop', 'web', 60],
    updatePort: ['shop', 'web', { description: 'Storefront' }],
    sameCloudflareHostname: ['shop', 'web', 'shop.example.com'],
    listByProject: ['shop'],
    listAll: [],
    listPage: [],
    getProjectSummary: ['shop'],
    verifyPort: [3000, 'localhost', 'tcp'],
    checkPort: [3000, 'localhost', 'tcp'],
    inspectPort: [3000, 'localhost', 'tcp'],
    useOfPort: [3000],
    explainPort: [3000],
    recordProcess: ['1', process.pid],
    listChecks: ['shop', 'web'],
    seesServices: [],
    auditPorts: [],
    listRanges: [],
    createRange: [{ projectName: 'shop', size: 10 }],
    resizeRange: ['shop', { startPort: 1, endPort: 2 }],
    move: ['shop', 'web', 3000],
    reserve: [{ startPort: 1, endPort: 2 }, 'a migration'],
    unreserve: [{ startPort: 1, endPort: 2 }],
    listReservations: [],
    listResting: [],
    deleteRange: ['shop'],
    setRest: ['shop', 60],
    setLimit: [{ projectName: 'shop' }, { maxPorts: 5 }],
    removeLimit: [{ projectName: 'shop' }],
    listLimits: [],
    history: [],
    addRange: ['shop', { startPort: 3000, endPort: 3009 }],
    ensureRange: ['shop', {}],
    removeRange: ['shop', 3000],
    ensureCheckout: ['shop', { root: '/srv/shop', isLinked: false }],
    findInstance: ['shop', { root: '/srv/shop', isLinked: false }],
    listCheckouts: [],
    noteAllocations: [
      { projectName: 'shop', hostname: 'localhost', directory: '/srv/shop' },
      ['1'],
    ],
    forgetCheckout: [{ projectName: 'shop', hostname: 'localhost', directory: '/srv/shop' }],
    import: [[]],
    dump: [],
    load: [
      {
        format: 'ports-registry',
        version: 1,
        takenAt: '2026-11-27T00:00:00Z',
        projects: [],
        ranges: [],
        checkouts: [],
        reservations: [],
        limits: [],
        resting: [],
        allocations: [],
        events: [],
      },
    ],
  }

  it('are those of every method', () => {
    const methods = Object.getOwnPropertyNames(PortManager.prototype)
    const without = ['constructor', 'close', 'namedInstance']
    expect(methods.filter((name) => !without.includes(name)).sort()).toEqual(
      Object.keys(before).sort(),
    )
  })

  describe.each(Object.entries(before))('of %s', (method, args) => {
    it.each(titled(NO_OBJECTS))('cannot be %s', (_title, options) =>
      expectInvalid(async () => untyped[method]!(...args, options), 'options', options),
    )

    it.each(titled(['x', {}, new Error('aborted')]))(
      'cannot have the signal %s',
      (_title, signal) =>
        expectInvalid(
          async () => untyped[method]!(...args, { limit: 10, signal }),
          'signal',
          signal,
        ),
    )
  })

  it.each(['listPage', 'history'])('of %s cannot be left out', async (method) => {
    for (const options of [undefined, null]) {
      await expectInvalid(async () => untyped[method]!(options), 'limit', undefined)
    }
  })

  it('of auditPorts cannot have a progress that is no function', () =>
    expectInvalid(
      async () => untyped.auditPorts!({ onProgress: 'verbose' }),
      'onProgress',
      'verbose',
    ))

  it.each(titled(NO_OBJECTS))('of a manager cannot be %s', (_title, options) =>
    expectInvalid(
      async () => Reflect.construct(PortManager, [untouchedStore, options]),
      'options',
      options,
    ),
  )
})

describe('a required object', () => {
  const calls: Readonly<Record<string, [string, (value: unknown) => unknown]>> = {
    createRange: ['range', (range) => untyped.createRange!(range)],
    resizeRange: ['bounds', (bounds) => untyped.resizeRange!('shop', bounds)],
    updatePort: ['change', (change) => untyped.updatePort!('shop', 'web', change)],
    'a manager': ['source', (source) => Reflect.construct(PortManager, [source])],
  }
  describe.each(Object.entries(calls))('of %s', (_method, [field, call]) => {
    it.each(titled([...NO_OBJECTS, undefined, null, '']))('cannot be %s', (_title, value) =>
      expectInvalid(async () => call(value), field, value),
    )
  })
})

describe('a call without arguments', () => {
  it.each([
    ['getOrAllocate', 'projectName'],
    ['allocate', 'projectName'],
    ['release', 'projectName'],
    ['releasePorts', 'projectName'],
    ['updatePort', 'projectName'],
    ['listByProject', 'projectName'],
    ['listPage', 'limit'],
    ['getProjectSummary', 'projectName'],
    ['verifyPort', 'port'],
    ['checkPort', 'port'],
    ['inspectPort', 'port'],
    ['useOfPort', 'port'],
    ['explainPort', 'port'],
    ['recordProcess', 'allocationId'],
    ['listChecks', 'projectName'],
    ['createRange', 'range'],
    ['resizeRange', 'projectName'],
    ['deleteRange', 'projectName'],
    ['history', 'limit'],
  ])('of %s names %s', (method, field) =>
    expectInvalid(async () => untyped[method]!(), field, undefined),
  )
})

describe('the directory of a checkout', () => {
  it.each(titled(['', 'srv', './srv', '/srv/../etc', '/srv/', `/${'a'.repeat(600)}`, 42]))(
    'cannot be %s',
    async (_title, directory) => {
      const root = directory as string
      await expectInvalid(
        () => manager.ensureCheckout('shop', { root, isLinked: false }),
        'root',
        directory,
      )
      const checkout = { projectName: 'shop', hostname: 'localhost', directory: root }
      await expectInvalid(() => manager.forgetCheckout(checkout), 'directory', directory)
    },
  )
})
