import { type Ended, portsOn, tcpServer } from '@ports/testkit'
import { freshDatabase, sql } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'

/** Runs a command on a database that must not be used. */
async function withoutDatabase(args: readonly string[]): Promise<Ended> {
  let connections = 0
  await using server = await tcpServer(() => {
    connections++
  })
  const result = await portsOn(server.url)(...args)
  expect(connections).toBe(0)
  return result
}

async function expectInvalid(args: readonly string[], field: string, value: unknown) {
  const { stdout, stderr, status } = await withoutDatabase([...args, '--json'])
  expect({ stdout, status }).toEqual({ stdout: '', status: 2 })
  expect(JSON.parse(stderr)).toMatchObject({
    error: { code: 'INVALID_ARGUMENT', details: { field, value } },
  })
}

const BAD_NAMES = {
  empty: '',
  blank: '   ',
  'of 300 characters': 'a'.repeat(300),
  'with control characters': 'a\x07b\x1b[31m',
  'with a line break': 'api\n',
  'of SQL': "'; drop table ports.port_ranges; --",
  'of emoji': '🚀',
  'of a path': '../',
}

describe('refuses, without asking the database,', () => {
  test.each(Object.entries(BAD_NAMES))('a name %s', async (_, name) => {
    await expectInvalid(['get', name, 'api'], 'projectName', name)
    await expectInvalid(['get', 'consilio', name], 'serviceName', name)
  })

  test.each([
    ['allocate', ['allocate', '../', 'api']],
    ['release', ['release', '../', 'api']],
    ['move', ['move', '../', 'api', '3000']],
    ['update', ['update', '../', 'api', '--type', 'http']],
    ['list', ['list', '../']],
    ['summary', ['summary', '../']],
    ['range create', ['range', 'create', '../', '--size', '100']],
    ['range resize', ['range', 'resize', '../', '--start', '4000', '--end', '4099']],
    ['range delete', ['range', 'delete', '../']],
  ])('a malformed project in %s', async (_, args) => {
    await expectInvalid(args, 'projectName', '../')
  })

  test.each([
    ['0', 0],
    ['65536', 65536],
    ['-1', '-1'],
    ['3.5', '3.5'],
    ['NaN', 'NaN'],
    ['abc', 'abc'],
    ['', ''],
    ['0x50', '0x50'],
  ])('the port %j', async (typed, value) => {
    await expectInvalid(['verify', typed], 'port', value)
    await expectInvalid(['release', 'consilio', 'api', '--port', typed], 'port', value)
    const range = ['range', 'create', 'myapp', '--start', typed, '--end', '4000']
    await expectInvalid(range, 'startPort', value)
  })

  test('the protocol sctp', async () => {
    const sctp = ['--protocol', 'sctp']
    await expectInvalid(['get', 'consilio', 'api', ...sctp], 'protocol', 'sctp')
    await expectInvalid(['release', 'consilio', 'api', ...sctp], 'protocol', 'sctp')
    await expectInvalid(['summary', 'consilio', ...sctp], 'protocol', 'sctp')
    await expectInvalid(['verify', '3100', ...sctp], 'protocol', 'sctp')
  })

  test.each(['a b', 'http://host', 'host:80', '-a', 'a..b', '999.1.1.1', 'a'.repeat(254)])(
    'the hostname %j',
    async (hostname) => {
      await expectInvalid(['get', 'consilio', 'api', '--hostname', hostname], 'hostname', hostname)
      const tunnel = ['--cloudflare-hostname', hostname]
      await expectInvalid(['get', 'consilio', 'api', ...tunnel], 'cloudflareHostname', hostname)
    },
  )

  test('a PORTS_HOSTNAME that cannot be one', async () => {
    const ports = portsOn('postgresql://127.0.0.1:1/nothing', { PORTS_HOSTNAME: 'a b' })
    expect(await ports('get', 'consilio', 'api')).toMatchObject({ stdout: '', status: 2 })
  })

  test('a PORTS_PASS_OVER other than none', async () => {
    const ports = portsOn('postgresql://127.0.0.1:1/nothing', { PORTS_PASS_OVER: 'off' })
    const { stdout, stderr, status } = await ports('get', 'consilio', 'api')
    expect({ stdout, status }).toEqual({ stdout: '', status: 2 })
    expect(stderr).toContain('PORTS_PASS_OVER is "off", but must be none, or left out.')
  })

  test('a description that is blank or longer than 1000 characters', async () => {
    for (const text of ['  ', 'a'.repeat(1001)]) {
      await expectInvalid(['get', 'consilio', 'api', '--description', text], 'description', text)
    }
  })

  test.each([
    ['4000', '3000', 'endPort', 3000],
    ['1', '70000', 'endPort', 70000],
  ])('the range %s-%s', async (start, end, field, value) => {
    const bounds = ['--start', start, '--end', end]
    await expectInvalid(['range', 'create', 'myapp', ...bounds], field, value)
    await expectInvalid(['range', 'resize', 'consilio', ...bounds], field, value)
  })

  test.each(['0', 'abc', '-5', '2.5', '100000'])('a block of %s ports', async (size) => {
    const value = /^\d+$/.test(size) ? Number(size) : size
    await expectInvalid(['range', 'create', 'myapp', '--size', size], 'size', value)
  })
})

describe('treats a command line that does not parse as malformed input:', () => {
  test.each([
    [
      'an unknown command',
      ['gte', 'consilio', 'api'],
      "unknown command 'gte'\n(Did you mean get?)",
    ],
    ['an unknown command of a group', ['range', 'lst'], '(Did you mean list?)'],
    ['an unknown option', ['get', 'consilio', 'api', '--portt', '1'], "unknown option '--portt'"],
    [
      'a mistyped option',
      ['get', 'consilio', 'api', '--hostnam', 'x'],
      '(Did you mean --hostname?)',
    ],
    ['a missing argument', ['get', 'consilio'], "missing required argument 'service'"],
    ['an argument too many', ['allocate', 'consilio', 'api', 'x'], 'too many arguments'],
    ['an option without its value', ['get', 'consilio', 'api', '--type'], 'argument missing'],
    ['a missing bound', ['range', 'create', 'myapp', '--start', '4000'], 'give --size, or both'],
    ['a resize without bounds', ['range', 'resize', 'myapp'], "'--start <port>' not specified"],
    [
      'a size and bounds',
      ['range', 'create', 'myapp', '--size', '5', '--end', '9'],
      'cannot be used with',
    ],
    ['help of an unknown command', ['help', 'nosuch'], "unknown command 'nosuch'"],
    ['help of a mistyped command', ['help', 'lits'], '(Did you mean list?)'],
    ['help of a mistyped command of a group', ['help', 'range', 'crate'], '(Did you mean create?)'],
    ['--help of an unknown command', ['nosuch', '--help'], "unknown command 'nosuch'"],
    [
      '--help of an unknown command of a group',
      ['range', 'nosuch', '-h'],
      'See: ports range --help',
    ],
    ['an unknown command without a near one', ['nosuch'], 'See: ports --help'],
    ['no command', [], 'a command is missing'],
    ['no command of a group', ['db'], 'a command is missing'],
    ['an unknown shell', ['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
  ])('%s', async (_, args, message) => {
    const text = await withoutDatabase(args)
    expect(text).toMatchObject({ stdout: '', status: 2 })
    expect(text.stderr).toContain(message)
    expect(text.stderr).toMatch(/^error: /m)

    const asJson = await withoutDatabase([...args, '--json'])
    expect(asJson).toMatchObject({ stdout: '', status: 2 })
    const { error } = JSON.parse(asJson.stderr)
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', details: {} })
    expect(error.message).toContain(message)
  })
})

test('treats an empty option or optional argument as absent', async () => {
  const ports = portsOn(await freshDatabase(), { PORTS_HOSTNAME: '' })
  const service = ['consilio', 'api']
  const metadata = ['--type', '', '--description', '', '--cloudflare-hostname', '']
  const scope = ['--hostname', '', '--protocol', '']
  expect(await ports('get', ...service, ...scope, ...metadata)).toMatchObject({ stdout: '3100\n' })
  const another = ['allocate', ...service, ...scope, ...metadata, '--idempotency-key', '']
  expect(await ports(...another)).toMatchObject({ stdout: '3101\n' })
  expect(await ports(...another)).toMatchObject({ stdout: '3102\n' })
  await ports('update', ...service, '--type', 'http', '--description', '', ...scope)
  for (const args of [['list'], ['list', '']]) {
    const held = JSON.parse((await ports(...args, '--json')).stdout)
    expect(held).toMatchObject([{ port: 3100, serviceType: 'http' }, {}, {}])
    expect(held[0]).not.toHaveProperty('description')
  }
  expect(await ports('summary', '', ...scope)).toEqual(await ports('summary'))
  const range = ['range', 'create', 'empty', '--size', '10', '--description', '']
  expect(await ports(...range)).toMatchObject({ status: 0 })
  const nothing = await ports('update', ...service, ...metadata)
  expect(nothing).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('No change was given'),
  })
  expect(await ports('release', ...service, ...scope)).toMatchObject({ status: 0 })
})

describe('a refusal stays short', () => {
  const long = 'x'.repeat(100_000)
  test.each([
    ['of a name', ['get', long, 'api']],
    ['of a description', ['get', 'consilio', 'api', '--description', long]],
    ['of a number', ['verify', long]],
    ['of a command', [long]],
    ['of an option', ['get', 'consilio', 'api', `--${long}`]],
    ['of an argument too many', ['allocate', 'consilio', 'api', long]],
  ])('%s that is long', async (_, args) => {
    const text = await withoutDatabase(args)
    expect(text).toMatchObject({ stdout: '', status: 2 })
    expect(text.stderr.length).toBeLessThan(1000)
    const json = await withoutDatabase([...args, '--json'])
    expect(json.status).toBe(2)
    expect(json.stderr.length).toBeLessThan(3000)
    expect(JSON.parse(json.stderr)).toHaveProperty('error.code', 'INVALID_ARGUMENT')
  })

  test('of a project that is unknown among thousands', async () => {
    const url = await freshDatabase()
    await sql(
      url,
      `select ports.create_range('project-' || number, 20000 + number, 20000 + number)
      from generate_series(1, 3000) as number`,
    )
    const ports = portsOn(url)
    const unknown = await ports('get', 'consilo', 'api', '--json')
    expect(unknown.stderr.length).toBeLessThan(2000)
    const { details } = JSON.parse(unknown.stderr).error
    expect(details.knownProjects).toHaveLength(20)
    expect(details.knownProjects[0]).toBe('consilio')
    expect(details.knownProjectsCount).toBeGreaterThan(3000)
    expect((await ports('get', 'consilo', 'api')).stderr).toContain('Did you mean consilio?')
  })
})

describe('what the registry refuses', () => {
  test('leaves it as it was, and has the status of its code', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('range', 'create', 'tiny', '--start', '4000', '--end', '4000')
    await ports('get', 'tiny', 'api')
    const before = await ports('list', '--json')
    const ranges = await ports('range', 'list', '--json')

    const refused = async (code: string, status: number, ...args: string[]) => {
      const ended = await ports(...args, '--json')
      expect(ended).toMatchObject({ stdout: '', status })
      expect(JSON.parse(ended.stderr)).toMatchObject({ error: { code } })
    }
    await refused('RANGE_EXHAUSTED', 4, 'get', 'tiny', 'web')
    await refused('RANGE_EXHAUSTED', 4, 'allocate', 'tiny', 'api')
    const overlapping = ['--start', '3150', '--end', '3250']
    await refused('RANGE_OVERLAP', 4, 'range', 'create', 'myapp', ...overlapping)
    await refused('RANGE_OVERLAP', 4, 'range', 'resize', 'tiny', ...overlapping)
    await refused('RANGE_OVERLAP', 4, 'range', 'create', 'tiny', '--size', '10')
    await refused('RANGE_IN_USE', 4, 'range', 'delete', 'tiny')
    const elsewhere = ['--start', '4001', '--end', '4001']
    await refused('RANGE_IN_USE', 4, 'range', 'resize', 'tiny', ...elsewhere)
    const unknown = [
      ['get', 'myapp', 'api'],
      ['allocate', 'myapp', 'api'],
      ['release', 'myapp', 'api'],
      ['update', 'myapp', 'api', '--type', 'http'],
      ['list', 'myapp'],
      ['summary', 'myapp'],
      ['range', 'delete', 'myapp'],
      ['range', 'resize', 'myapp', ...elsewhere],
    ]
    await Promise.all(unknown.map((args) => refused('PROJECT_NOT_FOUND', 3, ...args)))

    expect(await ports('list', '--json')).toEqual(before)
    expect(await ports('range', 'list', '--json')).toEqual(ranges)
  })

  test('names the command that gives a project a range, and a project that may be meant', async () => {
    const ports = portsOn(await freshDatabase())
    const unknown = await ports('get', 'myapp', 'api')
    expect(unknown.stderr).toContain('ports range create myapp --size 100')
    expect(unknown.stderr).not.toContain('Did you mean')
    const mistyped = await ports('get', 'consilo', 'api')
    expect(mistyped).toMatchObject({ stdout: '', status: 3 })
    expect(mistyped.stderr).toMatch(
      /^error: consilo has no port range.*\nDid you mean consilio\?\nTo create a range for it: .*\n$/,
    )
  })
})

test('a description may be any text', async () => {
  const ports = portsOn(await freshDatabase())
  const description = `'; drop table x; -- "ü" 🚀\n${'\u{1F600}'.repeat(900)}`
  expect(await ports('get', 'consilio', 'api', '--description', description)).toMatchObject({
    stdout: '3100\n',
    status: 0,
  })
  expect(JSON.parse((await ports('list', '--json')).stdout)).toMatchObject([{ description }])
})

describe('spells what was typed', () => {
  test.each([
    [['audit', '--idle-days', '0'], '--idle-days is 0, but must be'],
    [['watch', '--every', '5'], '--every is "5", but must be'],
    [['get', 'shop', '../'], 'service is "../", but must be'],
    [['get', '../', 'web'], 'project is "../", but must be'],
    [['audit', '--project', '../'], '--project is "../", but must be'],
    [['list', '--service', '../'], '--service is "../", but must be'],
    [['get', 'shop', 'web', '--prefer', '0'], '--prefer is 0, but must be'],
    [['range', 'create', 'shop', '--start', '0', '--end', '9'], '--start is 0, but must be'],
    [['renew', 'shop', 'web', '--ttl', 'soon'], '--ttl is "soon", but must be'],
    [['claim', 'shop', 'web', '0'], 'port is 0, but must be'],
    [['export', 'nginx', '--check'], '--check is true, but must be'],
  ])('in the error after %j', async (args, message) => {
    const { stderr, status } = await withoutDatabase(args)
    expect(status).toBe(2)
    expect(stderr).toContain(`error: ${message}`)
  })
})
