import { ErrorCode } from '@modelcontextprotocol/sdk/types.js'
import { isAbsent } from '@ports/core'
import { freshDatabase, sql, unmigratedDatabase } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { connect, NO_DATABASE } from './connect.js'
import { openManager } from './openManager.js'

const service = { projectName: 'consilio', serviceName: 'api' }

const BAD_NAMES = [
  '',
  '   ',
  'a'.repeat(300),
  'a\u001bb',
  'a\0b',
  "'; drop table port_allocations; --",
  'api🚀',
  '../api',
  42,
  null,
  { name: 'api' },
  undefined,
]

const BAD_ARGUMENTS: [tool: string, args: Record<string, unknown>, told: string][] = [
  ...[0, 65536, -1, 3.5].map((portNumber): [string, Record<string, unknown>, string] => [
    'release-port',
    { ...service, portNumber },
    `portNumber is ${portNumber}, but must be a whole number from 1 to 65535.`,
  ]),
  ['update-port', { ...service, portNumber: 0, description: 'x' }, 'portNumber is 0, '],
  ['release-port', { ...service, portNumber: '' }, 'portNumber is "", but must be a number.'],
  ['list-ports', { limit: '' }, 'limit is "", but must be a number.'],
  ...['get-port', 'allocate-port', 'release-port', 'update-port'].map(
    (tool): [string, Record<string, unknown>, string] => [
      tool,
      { ...service, instance: '../', ...(tool === 'update-port' && { description: 'x' }) },
      'instance is "../", but must be a letter',
    ],
  ),
  ['list-ports', { portNumber: 0 }, 'portNumber is 0, but must be a whole number from 1 to 65535.'],
  ['list-ports', { portNumber: '' }, 'portNumber is "", but must be a number.'],
  ['list-ports', { serviceName: 'two words' }, 'serviceName is "two words", but must be '],
  ['list-ports', { hostname: 'a..b' }, 'hostname is "a..b", '],
  ['release-port', { ...service, portNumber: 'abc' }, 'portNumber is "abc", but must be a number.'],
  ['get-port', { ...service, protocol: 'sctp' }, 'protocol is "sctp", but must be tcp or udp.'],
  ['port-summary', { projectName: 'consilio', protocol: 'TCP' }, 'protocol is "TCP", '],
  ['get-port', { ...service, hostname: 'http://example.com:80' }, 'hostname is "http://'],
  ['allocate-port', { ...service, hostname: 'a..b' }, 'hostname is "a..b", '],
  ['get-port', { ...service, description: 'a'.repeat(5000) }, 'description is "aaa'],
  ['update-port', { ...service, description: 'a\0b' }, 'description is "a\\u0000b", '],
  ['get-port', { ...service, cloudflareHostname: 'no host' }, 'cloudflareHostname is "no host", '],
  ['update-port', service, 'change is {}, but must be at least one of serviceType, '],
  ['update-port', { ...service, description: '' }, 'change is {"description":""}, but must be'],
  ['get-port', { ...service, port: 3100 }, 'port is 3100, but must be left out; known'],
  ['audit-ports', { color: 'red' }, 'color is "red", but must be left out; known: projectName.'],
  ['list-ports', { limit: 0 }, 'limit is 0, but must be at least 1.'],
  ['list-ports', { limit: 201 }, 'limit is 201, but must be at most 200.'],
  ['list-ports', { limit: 1.5 }, 'limit is 1.5, but must be a whole number.'],
  ['list-ports', { cursor: '../3' }, 'cursor is "../3", but must be the nextCursor'],
]

test('refuses names outside the alphabet, without touching a database', async () => {
  const { failure } = await connect(NO_DATABASE)
  for (const value of BAD_NAMES) {
    for (const field of ['projectName', 'serviceName']) {
      for (const tool of ['get-port', 'allocate-port', 'release-port', 'update-port']) {
        const change = tool === 'update-port' ? { description: 'x' } : {}
        const text = await failure(tool, { ...service, ...change, [field]: value })
        expect(text).toMatch(new RegExp(`^INVALID_ARGUMENT: ${field} is .+, but must be .+\\.\\n`))
        expect(text).toContain(`call ${tool} again`)
      }
    }
    // Without a project it lists the ranges of all projects.
    if (isAbsent(value)) continue
    expect(await failure('port-summary', { projectName: value })).toMatch(
      /^INVALID_ARGUMENT: projectName is /,
    )
  }
})

test('refuses other malformed arguments, without touching a database', async () => {
  const { failure } = await connect(NO_DATABASE)
  for (const [tool, args, told] of BAD_ARGUMENTS) {
    expect(await failure(tool, args)).toContain(`INVALID_ARGUMENT: ${told}`)
  }
})

test('takes null, and an empty text, for an optional argument that is left out', async () => {
  const { ask } = await connect(await freshDatabase())
  for (const nothing of [null, '']) {
    const scope = { hostname: nothing, protocol: nothing }
    const metadata = { serviceType: nothing, description: nothing, cloudflareHostname: nothing }
    const first = await ask('get-port', { ...service, ...scope, ...metadata })
    expect(first).toMatchObject({ port: 3100, hostname: 'localhost', protocol: 'tcp' })
    const more = { ...service, ...scope, ...metadata, idempotencyKey: nothing }
    const another = await ask('allocate-port', more)
    expect(await ask('allocate-port', more)).not.toEqual(another)
    const all = await ask('list-ports', { projectName: nothing, cursor: nothing, limit: null })
    expect(all).toMatchObject({ count: 3, projectFilter: null })
    await ask('port-summary', { projectName: 'consilio', ...scope })
    await ask('update-port', { ...service, ...scope, portNumber: null, serviceType: 'http' })
    expect(
      await ask('update-port', { ...service, ...scope, serviceType: '', description: 'x' }),
    ).toMatchObject({ updated: true })
    const { allocations } = await ask('list-ports')
    expect(allocations).toMatchObject([{ serviceType: 'http' }, {}, {}])
    await ask('release-port', { ...service, ...scope, portNumber: null, allPorts: true })
    expect(await ask('list-ports')).toMatchObject({ count: 0 })
  }
})

test('shows a model every character of what others stored', async () => {
  const { ask } = await connect(await freshDatabase())
  const hidden = 'a\u{e0041}\u202e\u200b\u061c\u00ad\ufeff\u009bb'
  await ask('get-port', { ...service, serviceType: hidden, description: hidden })
  const shown = 'a\\u{e0041}\\u{202e}\\u{200b}\\u{61c}\\u{ad}\\u{feff}\\u{9b}b'
  // The text of the answer is checked to be the same.
  expect(await ask('list-ports')).toMatchObject({ allocations: [{ serviceType: shown }] })
})

test('names few of many projects where one is unknown', async () => {
  const url = await freshDatabase()
  await sql(
    url,
    `select ports.create_range('project-' || number, 20000 + number, 20000 + number)
    from generate_series(1, 3000) as number`,
  )
  const { failure } = await connect(url)
  const text = await failure('get-port', { projectName: 'consilo', serviceName: 'api' })
  expect(text).toMatch(/^PROJECT_NOT_FOUND: .* nearest names first: consilio, .* and \d+ more/)
  expect(text.length).toBeLessThan(1000)
})

test('stores a description as it is, whatever it says', async () => {
  const url = await freshDatabase()
  const { ask } = await connect(url)
  const description = "'; drop table port_allocations; -- 🚀\u001b[31m\n../"
  await ask('get-port', { ...service, description })
  const manager = await openManager(url)
  expect(await manager.listAll()).toMatchObject([{ description }])
})

test('names the known projects where one is unknown', async () => {
  const { failure, ask } = await connect(await freshDatabase())
  const unknown = { projectName: 'consilo' }
  const calls: [string, Record<string, unknown>][] = [
    ['get-port', { ...unknown, serviceName: 'api' }],
    ['allocate-port', { ...unknown, serviceName: 'api' }],
    ['release-port', { ...unknown, serviceName: 'api' }],
    ['update-port', { ...unknown, serviceName: 'api', description: 'x' }],
    ['list-ports', unknown],
    ['port-summary', unknown],
  ]
  for (const [tool, args] of calls) {
    const text = await failure(tool, args)
    expect(text).toMatch(
      /^PROJECT_NOT_FOUND: consilo has no port range; known projects: .*consilio/,
    )
    expect(text).toContain('Did you mean consilio? ')
    expect(text).toContain(`If that was a misspelling, call ${tool} again with the right name.`)
    expect(text).not.toContain('known project.')
    const isAsking = tool === 'get-port' || tool === 'allocate-port'
    expect(text.includes('If consilo is new, call create-range for it')).toBe(isAsking)
    expect(text.includes('Never use the name of another project')).toBe(isAsking)
  }
  expect(await ask('list-ports')).toMatchObject({ count: 0 })
})

test('says who holds a full range and how to make room', async () => {
  const url = await freshDatabase()
  const { failure, ask } = await connect(url)
  const manager = await openManager(url)
  await manager.createRange({ projectName: 'small', startPort: 4000, endPort: 4001 })
  await ask('get-port', { projectName: 'small', serviceName: 'a' })
  await ask('allocate-port', { projectName: 'small', serviceName: 'a' })
  for (const [tool, serviceName] of [
    ['get-port', 'b'],
    ['allocate-port', 'a'],
  ] as const) {
    const text = await failure(tool, { projectName: 'small', serviceName })
    expect(text).toMatch(/^RANGE_EXHAUSTED: All 2 ports of small \(4000-4001\)/)
    expect(text).toContain('Call list-ports with projectName small')
  }
})

test('says that a person must migrate the database', async () => {
  const { failure } = await connect(await unmigratedDatabase())
  const text = await failure('get-port', service)
  expect(text).toMatch(/^DATABASE_NOT_MIGRATED: /)
  expect(text).toContain('ports db migrate')
})

test('says whose mistake a wrong PORTS_DATABASE_URL is', async () => {
  const { failure } = await connect('mysql://secret@localhost/x')
  const text = await failure('get-port', service)
  expect(text).toMatch(/^INVALID_ARGUMENT: PORTS_DATABASE_URL /)
  expect(text).toContain('Ask the user')
  expect(text).not.toContain('secret')
})

test('answers an unknown tool with an error of the protocol', async () => {
  const { client } = await connect(NO_DATABASE)
  await expect(client.callTool({ name: 'claim-port', arguments: {} })).rejects.toMatchObject({
    code: ErrorCode.InvalidParams,
    message: expect.stringContaining('known tools: get-port, '),
  })
})
