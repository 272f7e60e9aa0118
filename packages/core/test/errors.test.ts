import { describe, expect, it } from 'vitest'
import {
  EXIT_STATUS,
  invalidArgument,
  PortsError,
  portOutOfRange,
  portTaken,
  projectNotFound,
  rangeExhausted,
  type Surrounded,
  unverifiable,
} from '../src/errors.js'
import type { PortSighting, UnknownReason } from '../src/listeners/Sighting.js'
import { noFreeBlock, rangeInUse, rangeOverlap, unclearRange } from '../src/range/rangeErrors.js'

const range = (projectName: string, startPort: number, endPort: number) => ({
  projectName,
  startPort,
  endPort,
})
/** A range with its neighbours. */
const surrounded = (startPort: number, endPort: number, neighbours: Surrounded['neighbours']) => [
  { range: { startPort, endPort }, neighbours },
]
const shop = { projectName: 'shop', startPort: 3000, endPort: 3099 }
const fullShop = {
  projectName: 'shop',
  ranges: [{ startPort: 3000, endPort: 3099 }],
  elsewhere: [],
  hostname: 'localhost',
  protocol: 'tcp',
  reserved: 0,
  resting: 0,
  firstFreeAt: null,
  restSeconds: 0,
  avoided: 0,
}

const taken = {
  projectName: 'shop',
  serviceName: 'web',
  instance: 'login-form',
  hostname: 'localhost',
  protocol: 'tcp',
  portNumber: 3005,
  allocatedAt: '2026-11-20T09:00:00+01:00',
  leaseEndsAt: null,
  restsUntil: null,
} as const
const outside = {
  portNumber: 8096,
  projectName: 'shop',
  hostname: 'localhost',
  ranges: fullShop.ranges,
}

const unclear = {
  projectName: 'shop',
  ranges: [
    { startPort: 3000, endPort: 3099 },
    { startPort: 8096, endPort: 8096, hostname: 'nas' },
    { startPort: 8096, endPort: 8096, hostname: 'pi' },
  ],
}

/** Of port 3000 of this host, unless of another. */
function unknown(reason: UnknownReason, of: Partial<PortSighting>): PortsError {
  const scope = { hostname: 'localhost', protocol: 'tcp', port: 3000 } as const
  return unverifiable({ ...scope, ...of, verdict: 'unknown', reason })
}
/** A registry of 3,000. */
const NUMBERED = Array.from({ length: 3000 }, (_, index) => `service-${index}`)

describe('an error', () => {
  it('is a PortsError with code, details and cause', () => {
    const cause = new Error('from below')
    const error = projectNotFound('ghost', ['shop'], cause)
    expect(error).toBeInstanceOf(PortsError)
    expect(error).toMatchObject({
      name: 'PortsError',
      code: 'PROJECT_NOT_FOUND',
      details: { projectName: 'ghost', knownProjects: ['shop'], knownProjectsCount: 1 },
      cause,
    })
  })
})

describe('the exit status', () => {
  it('of a registry that a later version migrated is that of an unusable database', () => {
    expect(EXIT_STATUS.REGISTRY_TOO_NEW).toBe(EXIT_STATUS.DATABASE_NOT_MIGRATED)
    expect(EXIT_STATUS.REGISTRY_TOO_NEW).toBe(5)
  })
})

describe('an unknown project among many', () => {
  const error = projectNotFound('web-7', [...NUMBERED, 'webb'])

  it('is told the nearest names and how many there are', () => {
    expect(error.message).toMatch(
      /^web-7 has no port range; known projects, nearest names first: webb, service-7, .* and 2981 more\.$/,
    )
    expect(error.message.length).toBeLessThan(500)
    expect(error.details).toMatchObject({ projectName: 'web-7', knownProjectsCount: 3001 })
    expect(error.details.knownProjects).toHaveLength(20)
  })
})

describe('what went wrong and what to do next', () => {
  it('is said in words that fit every interface', () => {
    const wanted = { projectName: 'blog', startPort: 3050, endPort: 3149 }
    const errors = [
      projectNotFound('ghost', []),
      rangeExhausted(fullShop, surrounded(3000, 3099, {})),
      noFreeBlock(500, { startPort: 3000, endPort: 32767 }),
      rangeOverlap(wanted, shop),
      rangeOverlap({ projectName: 'shop' }, shop),
      rangeInUse('shop', [], 3, { bounds: { startPort: 1, endPort: 2 } }),
      rangeExhausted({ ...fullShop, avoided: 20 }),
      portTaken({ ...taken, lastUsedAt: null, nearest: [] }),
      portOutOfRange({ ...outside, owner: null }),
    ]
    for (const { message } of errors)
      expect(message).not.toMatch(/\bports (range|db|list|release|get)\b|--/)
  })

  it.each([
    [
      'a malformed argument',
      invalidArgument('port', 0, 'a whole number from 1 to 65535'),
      'port is 0, but must be a whole number from 1 to 65535.',
    ],
    [
      'an unknown project',
      projectNotFound('ghost', ['blog', 'shop']),
      'ghost has no port range; known projects: blog, shop.',
    ],
    [
      'a project in an empty registry',
      projectNotFound('ghost', []),
      'ghost has no port range; no project has one.',
    ],
    [
      'a full range',
      rangeExhausted(fullShop),
      'All 100 ports of shop (3000-3099) are held on localhost/tcp. ' +
        'Release one that is no longer needed, or widen the range.',
    ],
    [
      'a full range with room on both sides',
      rangeExhausted(
        fullShop,
        surrounded(3000, 3099, {
          below: range('mail', 2000, 2899),
          above: range('blog', 3200, 3299),
        }),
      ),
      'All 100 ports of shop (3000-3099) are held on localhost/tcp. Release one that is no longer ' +
        'needed, or widen the range: 2900-3199 would overlap no other.',
    ],
    [
      'a full range without neighbours',
      rangeExhausted(fullShop, surrounded(3000, 3099, {})),
      'All 100 ports of shop (3000-3099) are held on localhost/tcp. Release one that is no longer ' +
        'needed, or widen the range: 1024-65535 would overlap no other.',
    ],
    [
      'a full range between two neighbours',
      rangeExhausted(
        fullShop,
        surrounded(3000, 3099, {
          below: range('mail', 2900, 2999),
          above: range('blog', 3100, 3199),
        }),
      ),
      'All 100 ports of shop (3000-3099) are held on localhost/tcp. Release one that is no longer ' +
        'needed; the range cannot be widened, because 2999 is the last port of mail and 3100 the ' +
        'first of blog.',
    ],
    [
      'a range in which only numbers that are passed over are left',
      rangeExhausted({ ...fullShop, avoided: 20 }),
      'All 100 ports of shop (3000-3099) are held (80) or passed over (20) on localhost/tcp. Claim one ' +
        'of those passed over, switch passing over off, or release one that is no longer needed.',
    ],
    [
      'a range in which only numbers that rest are left',
      rangeExhausted({ ...fullShop, resting: 1, firstFreeAt: '2026-11-28T10:20:30.500Z' }),
      'All 100 ports of shop (3000-3099) are held (99) or resting (1) on localhost/tcp. Wait until ' +
        '2026-11-28T10:20:30Z, or release one that is no longer needed.',
    ],
    [
      'a range of one number that rests',
      rangeExhausted({
        ...fullShop,
        ranges: [{ startPort: 3000, endPort: 3000 }],
        resting: 1,
        firstFreeAt: '2026-11-28T10:20:30.500Z',
      }),
      'The only port of shop (3000) is resting (1) on localhost/tcp. Wait until 2026-11-28T10:20:30Z.',
    ],
    [
      'a number that another service holds',
      portTaken({ ...taken, lastUsedAt: '2026-11-26T10:20:30.5+00:00', nearest: [3004, 3006] }),
      'shop/web@login-form has held port 3005 on localhost/tcp since 2026-11-20T08:00:00Z. It was ' +
        'last seen listening at 2026-11-26T10:20:30Z. Release it first, or take another number, ' +
        'such as 3004, 3006.',
    ],
    [
      'a number that another service holds in a full range',
      portTaken({ ...taken, lastUsedAt: null, nearest: [] }),
      'shop/web@login-form has held port 3005 on localhost/tcp since 2026-11-20T08:00:00Z. No ' +
        'audit has seen it listening. Release it first, or take another number.',
    ],
    [
      'a number that another service holds with a lease',
      portTaken({
        ...taken,
        leaseEndsAt: '2026-11-28T10:20:30.5+00:00',
        lastUsedAt: null,
        nearest: [],
      }),
      'shop/web@login-form has held port 3005 on localhost/tcp since 2026-11-20T08:00:00Z with a ' +
        'lease until 2026-11-28T10:20:30Z. No audit has seen it listening. Release it first, or ' +
        'take another number.',
    ],
    [
      'a number that rests for another service',
      portTaken({
        ...taken,
        restsUntil: '2026-11-28T10:20:30.5+00:00',
        lastUsedAt: null,
        nearest: [3004],
      }),
      'Port 3005 rests on localhost/tcp until 2026-11-28T10:20:30Z. Only shop/web@login-form, which ' +
        'held it last, can get it before then. Wait, or take another number, such as 3004.',
    ],
    [
      'a number of another project',
      portOutOfRange({ ...outside, owner: 'blog' }),
      'Port 8096 is not in the ranges of shop (3000-3099). It belongs to blog. Choose a number in ' +
        "shop's ranges.",
    ],
    [
      'a number of no project',
      portOutOfRange({ ...outside, owner: null }),
      'Port 8096 is not in the ranges of shop (3000-3099). No project owns it. Add a range that ' +
        "contains it to shop, or choose a number in shop's ranges.",
    ],
    [
      'a number of a project without ranges on that host',
      portOutOfRange({ ...outside, ranges: [], owner: 'blog' }),
      'Port 8096 is not in a range of shop, which has none on localhost. It belongs to blog. Add a ' +
        'range on localhost to shop.',
    ],
    [
      'a number of no project, for a project without ranges on that host',
      portOutOfRange({ ...outside, ranges: [], owner: null }),
      'Port 8096 is not in a range of shop, which has none on localhost. No project owns it. Add a ' +
        'range that contains it to shop.',
    ],
    [
      'a project with ranges on other hosts only',
      rangeExhausted({ ...fullShop, ranges: [], elsewhere: ['nas', 'pi'] }),
      'shop has no range on localhost; its ranges are on nas, pi. Add a range for this host, or ask ' +
        'for a port on one of those.',
    ],
    [
      'a full range of all numbers',
      rangeExhausted(
        { ...fullShop, ranges: [{ startPort: 1, endPort: 65535 }] },
        surrounded(1, 65535, {}),
      ),
      'All 65535 ports of shop (1-65535) are held on localhost/tcp. Release one that is no longer ' +
        'needed; the range cannot be widened.',
    ],
    [
      'a project whose ranges are full',
      rangeExhausted(
        {
          ...fullShop,
          ranges: [
            { startPort: 3000, endPort: 3009 },
            { startPort: 4000, endPort: 4004 },
          ],
        },
        surrounded(4000, 4004, {
          below: range('mail', 3900, 3999),
          above: range('blog', 4010, 4019),
        }),
      ),
      'All 15 ports of shop (3000-3009, 4000-4004) are held on localhost/tcp. Release one that is ' +
        'no longer needed, or widen 4000-4004: 4000-4009 would overlap no other.',
    ],
    [
      'a project of which only a lower range has room',
      rangeExhausted(
        {
          ...fullShop,
          ranges: [
            { startPort: 3000, endPort: 3009 },
            { startPort: 4000, endPort: 4004 },
          ],
        },
        [
          ...surrounded(3000, 3009, { above: range('shop', 4000, 4004) }),
          ...surrounded(4000, 4004, {
            below: range('mail', 3990, 3999),
            above: range('blog', 4005, 4019),
          }),
        ],
      ),
      'All 15 ports of shop (3000-3009, 4000-4004) are held on localhost/tcp. Release one that is ' +
        'no longer needed, or widen 3000-3009: 1024-3999 would overlap no other.',
    ],
    [
      'a full range of one host, beside ranges of another',
      rangeExhausted({ ...fullShop, elsewhere: ['pi'] }, [
        {
          range: { startPort: 3000, endPort: 3099, hostname: 'nas' },
          neighbours: { below: range('mail', 2900, 2999), above: range('blog', 3200, 3299) },
        },
      ]),
      'All 100 ports of shop (3000-3099) are held on localhost/tcp. Release one that is no longer ' +
        'needed, or widen 3000-3099 on nas: 3000-3199 would overlap no other.',
    ],
    [
      'a full range of one number',
      rangeExhausted({ ...fullShop, ranges: [{ startPort: 3000, endPort: 3000 }] }),
      'The only port of shop (3000) is held on localhost/tcp. Release it if it is no longer needed, ' +
        'or widen the range.',
    ],
    [
      'a full range of one number without room',
      rangeExhausted(
        { ...fullShop, ranges: [{ startPort: 3000, endPort: 3000 }] },
        surrounded(3000, 3000, {
          above: range('blog', 3001, 3099),
          below: range('mail', 2900, 2999),
        }),
      ),
      'The only port of shop (3000) is held on localhost/tcp. Release it if it is no longer needed; ' +
        'the range cannot be widened, because 2999 is the last port of mail and 3001 the first of blog.',
    ],
    [
      'no free number',
      noFreeBlock(1, { startPort: 3000, endPort: 32767 }),
      'No free port is left in 3000-32767. Name the first and last port of the range.',
    ],
    [
      'no free block',
      noFreeBlock(500, { startPort: 3000, endPort: 32767 }),
      'No free block of 500 ports that starts on a multiple of 500 is left in 3000-32767. ' +
        'Ask for a smaller one, or name its first and last port.',
    ],
    [
      'numbers of another project',
      rangeOverlap({ projectName: 'blog', startPort: 3050, endPort: 3149 }, shop),
      '3050-3149 would overlap 3000-3099 of shop. Choose other numbers.',
    ],
    [
      'a second range',
      rangeOverlap({ projectName: 'shop' }, shop),
      'shop already has a range, 3000-3099. Resize it, or add another range.',
    ],
    [
      'numbers that the project has',
      rangeOverlap(
        { projectName: 'shop', startPort: 3050, endPort: 3050, hostname: 'nas' },
        { ...shop, hostname: 'nas' },
      ),
      '3050 on nas would overlap 3000-3099 on nas of shop. Choose other numbers.',
    ],
    [
      'one of several ranges',
      unclearRange({ ...unclear, startPort: null, hostname: null }),
      'shop has more than one range. Name one by its first port: 3000-3099, 8096 on nas, 8096 on pi.',
    ],
    [
      'a range that does not exist',
      unclearRange({ ...unclear, startPort: 3001, hostname: 'nas' }),
      'shop has no range that starts at 3001 on nas. Name one by its first port and its host: ' +
        '3000-3099, 8096 on nas, 8096 on pi.',
    ],
    [
      'ranges of several hosts that start at the same number',
      unclearRange({ ...unclear, startPort: 8096, hostname: null }),
      'shop has more than one range that starts at 8096. Name one by its first port and its host: ' +
        '3000-3099, 8096 on nas, 8096 on pi.',
    ],
    [
      'held ports in the way',
      rangeInUse(
        'shop',
        [
          {
            serviceName: 'web',
            instance: '',
            portNumber: 3000,
            hostname: 'localhost',
            protocol: 'tcp',
          },
          {
            serviceName: 'api',
            instance: 'login',
            portNumber: 3001,
            hostname: 'alpha',
            protocol: 'udp',
          },
        ],
        7,
      ),
      'shop still holds 3000 web (localhost/tcp), 3001 api@login (alpha/udp) and 5 more. ' +
        'Release them first.',
    ],
    [
      'a held port outside the new bounds',
      rangeInUse(
        'shop',
        [
          {
            serviceName: 'web',
            instance: '',
            portNumber: 3050,
            hostname: 'localhost',
            protocol: 'tcp',
          },
        ],
        1,
        { bounds: { startPort: 3000, endPort: 3049 } },
      ),
      'shop still holds ports that would be outside its ranges: 3050 web (localhost/tcp). Release ' +
        'it first.',
    ],
    [
      'another host in silence',
      unknown('no-answer', { hostname: 'alpha' }),
      'Cannot tell from here whether something listens on alpha:3000/tcp: alpha neither accepts ' +
        'nor refuses a connection. Is the host up and its firewall open?',
    ],
    [
      'a name without an address',
      unknown('name-not-resolved', { hostname: 'alpha' }),
      'Cannot tell from here whether something listens on alpha:3000/tcp: alpha does not ' +
        'resolve. Is the name right?',
    ],
    [
      "another host's UDP",
      unknown('udp-of-another-host', { hostname: 'alpha', protocol: 'udp' }),
      'Cannot tell from here whether something listens on alpha:3000/udp: a UDP service on ' +
        'another host may not answer a probe. Run the check on that host.',
    ],
    [
      'this host, where its tables are hidden',
      unknown('tables-unreadable', {}),
      'Cannot tell from here whether something listens on localhost:3000/tcp: this process ' +
        "cannot read the kernel's socket tables, as in a sandbox that hides /proc. Run the check " +
        'outside the sandbox.',
    ],
    [
      'an address of this host',
      unknown('ipv4-of-ipv6-socket', { address: '127.0.0.2' }),
      'Cannot tell from here whether something listens on 127.0.0.2:3000/tcp: a socket on :: ' +
        'has the number, and the kernel does not show whether it takes IPv4 too. Check ::1, or ' +
        'leave out the host to check all addresses.',
    ],
  ])('is said of %s', (_case, error, message) => {
    expect(error.message).toBe(message)
  })
})

describe('a value in a message', () => {
  const circular: Record<string, unknown> = {}
  circular.self = circular

  it.each([
    ['a text, quoted', 'web', '"web"'],
    ['an empty text', '', '""'],
    ['a line break, escaped', 'a\nb', '"a\\nb"'],
    ['a control character, escaped', '\u001b[31m\0', '"\\u001b[31m\\u0000"'],
    ['a lone surrogate, escaped', '\ud800', '"\\ud800"'],
    ['a terminal’s escape in one character', '\u009b31m', '"\\u009b31m"'],
    ['an override of the reading direction', 'web\u202egnp', '"web\\u202egnp"'],
    ['a character that nobody sees', 'web\u200b', '"web\\u200b"'],
    ['a tag character', 'web\u{e0041}', '"web\\udb40\\udc41"'],
    ['no number', Number.NaN, 'NaN'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a bigint', 3000n, '3000n'],
    ['an object', { a: 1 }, '{"a":1}'],
    ['an object that contains itself', circular, '[object Object]'],
  ])('shows %s', (_case, value, shown) => {
    expect(invalidArgument('port', value, 'a port').message).toBe(
      `port is ${shown}, but must be a port.`,
    )
  })

  it('is bounded in message and details, however long or deep it is', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)
    const long = 'x'.repeat(5_000_000)
    const values = [long, [long], { [long]: 1 }, deep, { deep }, Symbol('s'), Object.create(null)]
    for (const value of [...values, () => long, 10n ** 5000n]) {
      const { message, details } = invalidArgument('projectName', value, 'a name')
      expect(message.length).toBeLessThan(150)
      expect((JSON.stringify(details) ?? '').length).toBeLessThan(2100)
    }
  })

  it('bounds and escapes the name of its field', () => {
    const { message, details } = invalidArgument(`a\n\u{e0041}${'x'.repeat(1e6)}`, 1, 'left out')
    expect(message).toMatch(/^a\\u\{a\}\\u\{e0041\}x+… is 1, but must be left out\.$/)
    expect(message.length).toBeLessThan(150)
    expect(String(details.field).length).toBeLessThan(100)
  })

  it('is cut short where it is long, and whole in the details', () => {
    const value = 'x'.repeat(300)
    const { message, details } = invalidArgument('projectName', value, 'a name')
    expect(message.length).toBeLessThan(120)
    expect(message).toContain('xxx…"')
    expect(details.value).toBe(value)
  })
})
