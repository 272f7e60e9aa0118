import { portsOn } from '@ports/testkit'
import { freshDatabase, projectDirectory } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'

const UNTIL = '2099-01-31T00:00:00.000Z'
const MIGRATION = ['--reason', 'migration']

describe('reserve', () => {
  test('keeps numbers out of what get gives, which says so in one line', async () => {
    const ports = portsOn(await freshDatabase())
    expect(await ports('reserve', '3100-3104', ...MIGRATION)).toEqual({
      ...{ stdout: '', stderr: 'Reserved 3100-3104.\n', status: 0 },
    })
    expect(await ports('get', 'consilio', 'web')).toEqual({
      stdout: '3105\n',
      stderr:
        'Skipped 3100-3104: reserved.\n' +
        'Allocated just now: consilio/web had no port on localhost/tcp.\n',
      status: 0,
    })
    const several = await ports('get', 'consilio', 'dns', 'log', '--both-protocols')
    expect(several).toMatchObject({ stdout: '3106\n3107\n', status: 0 })
    expect(several.stderr).toContain('Skipped 3100-3104/tcp: reserved.\n')
    expect(several.stderr).toContain('Skipped 3100-3104/udp: reserved.\n')
  })

  test('has JSON list each number that get skipped', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('reserve', '3100-3101', ...MIGRATION)
    const got = JSON.parse((await ports('get', 'consilio', 'web', '--json')).stdout)
    expect(got).toMatchObject({
      port: 3102,
      skipped: [
        { port: 3100, reason: 'reserved' },
        { port: 3101, reason: 'reserved' },
      ],
    })
  })

  test('names the services that hold some of the numbers, up to ten of them', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'web')
    await ports('get', 'consilio', 'web', '--protocol', 'udp')
    const reserved = await ports('reserve', '3100-3199', ...MIGRATION)
    expect(reserved).toMatchObject({ stdout: '', status: 0 })
    expect(reserved.stderr).toBe(
      'Reserved 3100-3199.\n2 ports of these stay with the services that hold them: 3100 consilio/web ' +
        '(localhost/tcp), 3100 consilio/web (localhost/udp).\n',
    )
    const tcp = await ports('reserve', '3100', '--protocol', 'tcp', ...MIGRATION)
    expect(tcp.stderr).toBe(
      'Reserved 3100 (tcp).\n1 port of these stays with the service that holds it: 3100 ' +
        'consilio/web (localhost/tcp).\n',
    )
    const nas = await ports('reserve', '3100', '--hostname', 'nas', ...MIGRATION)
    expect(nas).toMatchObject({ stderr: 'Reserved 3100 (nas).\n' })
    await ports('range', 'create', 'shop', '--start', '20000', '--end', '20010')
    await ports('allocate', 'shop', 'worker', '--count', '11')
    const many = await ports('reserve', '20000-20010', ...MIGRATION)
    expect(many.stderr).toMatch(/\n11 ports of these stay .* and 1 more\.\n$/)
    expect(many.stderr.match(/shop\/worker/g)).toHaveLength(10)
  })

  test('prints the reservation and the holders as JSON, and lists it', async () => {
    const ports = portsOn(await freshDatabase(), { PORTS_ACTOR: 'ann' })
    await ports('get', 'consilio', 'web')
    const scope = ['--hostname', 'LOCALHOST', '--protocol', 'tcp']
    const options = ['--until', UNTIL, ...MIGRATION, ...scope]
    const { stdout, status } = await ports('reserve', '3100-3101', ...options, '--json')
    expect(status).toBe(0)
    const reservation = {
      ...{ startPort: 3100, endPort: 3101, hostname: 'localhost', protocol: 'tcp' },
      ...{ reason: 'migration', reservedBy: 'ann', endsAt: UNTIL, createdAt: expect.any(String) },
    }
    expect(JSON.parse(stdout)).toEqual({
      ...reservation,
      held: [expect.objectContaining({ port: 3100, serviceName: 'web' })],
    })
    expect(JSON.parse((await ports('reservations', '--json')).stdout)).toEqual([reservation])
    expect((await ports('reservations')).stdout).toBe(
      'PORTS      SCOPE          UNTIL                 BY   REASON\n' +
        '3100-3101  localhost/tcp  2099-01-31T00:00:00Z  ann  migration\n',
    )
  })

  test('takes the time until its end, and sets reason and end when it is repeated', async () => {
    const ports = portsOn(await freshDatabase())
    const before = Date.now()
    const first = await ports('reserve', '3100', ...MIGRATION, '--until', '2h', '--json')
    const endsAt = Date.parse(JSON.parse(first.stdout).endsAt)
    expect(endsAt).toBeGreaterThanOrEqual(before + 7_200_000)
    expect(endsAt).toBeLessThanOrEqual(Date.now() + 7_200_000)
    await ports('reserve', '3100', '--reason', 'the move')
    const listed = JSON.parse((await ports('reservations', '--json')).stdout)
    expect(listed).toMatchObject([{ reason: 'the move' }])
    expect(listed[0]).not.toHaveProperty('endsAt')
  })

  test('shows a line break of the reason as text in the error of a claim', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('reserve', '3100', '--reason', 'the move\nerror: nothing is held')
    const { stderr } = await ports('claim', 'consilio', 'web', '3100')
    expect(stderr).toContain('the move\\u{a}error: nothing is held. Take another number')
  })

  test.each([
    ['without a reason', ['3100'], 'a reason'],
    ['with an empty reason', ['3100', '--reason', ''], 'reason'],
    ['of no number', ['web', ...MIGRATION], 'a number, or the first and the last'],
    ['of numbers that end before they begin', ['3105-3100', ...MIGRATION], 'endPort'],
    ['of numbers that do not exist', ['65000-65536', ...MIGRATION], '65536'],
    ['of 0', ['0', ...MIGRATION], '0'],
    ['with an end that is no time', ['3100', ...MIGRATION, '--until', 'later'], 'from now'],
    ['with an end that has passed', ['3100', ...MIGRATION, '--until', '2020-01-01'], 'future'],
    ['for a protocol that does not exist', ['3100', ...MIGRATION, '--protocol', 'sctp'], 'sctp'],
    ['for a host that cannot be one', ['3100', ...MIGRATION, '--hostname', 'a b'], 'hostname'],
  ])('is refused %s', async (_what, args, message) => {
    const ports = portsOn(await freshDatabase())
    const refused = await ports('reserve', ...args)
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain(message.replace('a reason', '--reason'))
    const asJson = await ports('reserve', ...args, '--json')
    expect(JSON.parse(asJson.stderr).error).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect((await ports('reservations')).stderr).toBe('Nothing is reserved.\n')
  })
})

describe('reservations', () => {
  test('says that there is none, and names hosts and protocols', async () => {
    const ports = portsOn(await freshDatabase(), { PORTS_ACTOR: 'ann' })
    expect(await ports('reservations')).toEqual({
      ...{ stdout: '', stderr: 'Nothing is reserved.\n', status: 0 },
    })
    expect(JSON.parse((await ports('reservations', '--json')).stdout)).toEqual([])
    await ports('reserve', '3100', '--reason', 'old host', '--hostname', 'nas')
    await ports('reserve', '3100-3104', ...MIGRATION)
    expect((await ports('reservations')).stdout.split('\n').slice(1)).toEqual([
      '3100       nas/*  ann  old host',
      '3100-3104  */*    ann  migration',
      '',
    ])
  })
})

describe('unreserve', () => {
  test('removes the reservation of exactly these numbers', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('reserve', '3100-3104', ...MIGRATION)
    await ports('reserve', '3102', '--protocol', 'udp', ...MIGRATION)
    const other = await ports('unreserve', '3101-3102')
    expect(other).toEqual({
      stdout: '',
      stderr:
        'Nothing to remove: there is no such reservation of 3101-3102. Reserved are: 3100-3104, ' +
        '3102 (udp).\n',
      status: 1,
    })
    const asJson = await ports('unreserve', '3101-3102', '--json')
    expect(asJson).toMatchObject({ status: 1 })
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      removed: [],
      overlapping: [{ startPort: 3100 }, { startPort: 3102, protocol: 'udp' }],
    })
    expect(await ports('unreserve', '3100-3104')).toEqual({
      ...{ stdout: '', stderr: 'Removed the reservation of 3100-3104.\n', status: 0 },
    })
    expect(await ports('unreserve', '3100-3104')).toMatchObject({ status: 1 })
    const udp = await ports('unreserve', '3102', '--protocol', 'udp', '--json')
    expect(JSON.parse(udp.stdout)).toMatchObject({ removed: [{ startPort: 3102 }] })
    expect(await ports('get', 'consilio', 'web')).toMatchObject({ stdout: '3100\n' })
  })

  test('removes the one of a host or protocol, or those of all', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('reserve', '3100', ...MIGRATION)
    for (const hostname of ['nas', 'pi']) {
      await ports('reserve', '3100', '--hostname', hostname, ...MIGRATION)
    }
    expect((await ports('unreserve', '3100', '--hostname', 'NAS')).stderr).toBe(
      'Removed the reservation of 3100 (nas).\n',
    )
    expect((await ports('unreserve', '3100')).stderr).toBe(
      'Removed the reservations of 3100, 3100 (pi).\n',
    )
  })

  test.each(['web', '3105-3100', '70000', ''])('refuses %j as numbers', async (numbers) => {
    const ports = portsOn(await freshDatabase())
    expect(await ports('unreserve', numbers)).toMatchObject({ stdout: '', status: 2 })
  })
})

describe('a reserved number', () => {
  test('is refused to a claim with the reason, and names what to do', async () => {
    const ports = portsOn(await freshDatabase(), { PORTS_ACTOR: 'ann' })
    await ports('reserve', '3100-3104', ...MIGRATION, '--until', UNTIL)
    const refused = await ports('claim', 'consilio', 'web', '3102')
    expect(refused).toMatchObject({ stdout: '', status: 4 })
    expect(refused.stderr).toContain(
      'Port 3102 is reserved on localhost/tcp with 3100-3104 by ann until ' +
        '2099-01-31T00:00:00Z: migration.',
    )
    expect(refused.stderr).toContain('To take it anyway: --use-reservation')
    expect(refused.stderr).toContain('To see all reservations: ports reservations')
    const { error } = JSON.parse((await ports('claim', 'consilio', 'web', '3102', '--json')).stderr)
    expect(error).toMatchObject({
      code: 'PORT_RESERVED',
      details: { port: 3102, startPort: 3100, endPort: 3104, reason: 'migration' },
    })
    expect(await ports('claim', 'consilio', 'web', '3102', '--use-reservation')).toEqual({
      ...{ stdout: '3102\n', stderr: '', status: 0 },
    })
    expect(await ports('get', 'consilio', 'web')).toMatchObject({ stdout: '3102\n', stderr: '' })
  })

  test('is not given to one who prefers it', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('reserve', '3105', ...MIGRATION)
    const got = await ports('get', 'consilio', 'web', '--prefer', '3105')
    expect(got).toMatchObject({ stdout: '3100\n', status: 0 })
    expect(got.stderr).toContain(
      'Skipped 3105: it was preferred, but is held, reserved, resting or not',
    )
  })

  test('is a conflict of an import', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('reserve', '3105', ...MIGRATION)
    const rows = 'project,service,port\nconsilio,web,3105\nconsilio,api,3106\n'
    const file = ['import', `${projectDirectory({ 'rows.csv': rows })}/rows.csv`, '--yes']
    const refused = await ports(...file)
    expect(refused).toMatchObject({ status: 4 })
    expect(refused.stdout + refused.stderr).toContain('Port 3105 is reserved on localhost/tcp')
    expect(JSON.parse((await ports('list', '--json')).stdout)).toEqual([])
    expect(await ports(...file, '--skip-conflicts')).toMatchObject({ status: 0 })
    expect(JSON.parse((await ports('list', '--json')).stdout)).toMatchObject([{ port: 3106 }])
  })

  test('counts in the summary, and where a range is full', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'web')
    await ports('reserve', '3100-3149', ...MIGRATION)
    const summary = await ports('summary', 'consilio', '--json')
    expect(JSON.parse(summary.stdout)).toMatchObject({
      ...{ availablePorts: 99, reservedPorts: 49, unusablePorts: 0, allocatableNow: 50 },
    })
    expect((await ports('summary', 'consilio')).stdout).toMatch(
      /3100-3199 +localhost\/tcp +100 +1 +99 +49 +0 +0 +1\n$/,
    )
    await ports('reserve', '3150-3199', ...MIGRATION)
    const full = await ports('get', 'consilio', 'api')
    expect(full).toMatchObject({ stdout: '', status: 4 })
    expect(full.stderr).toContain('are held (1) or reserved (99) on localhost/tcp')
  })

  test('is in the history of each of its numbers', async () => {
    const ports = portsOn(await freshDatabase(), { PORTS_ACTOR: 'ann' })
    await ports('reserve', '3100-3104', ...MIGRATION, '--hostname', 'nas')
    await ports('unreserve', '3100-3104')
    const events = JSON.parse((await ports('history', '--port', '3102', '--json')).stdout)
    expect(events).toMatchObject([
      { what: 'unreserved', hostname: 'nas', actor: 'ann' },
      { what: 'reserved', after: { startPort: 3100, endPort: 3104, reason: 'migration' } },
    ])
    const { stdout, stderr, status } = await ports('history', '--port', '3102')
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
    expect(stdout).toContain('unreserved')
    expect(stdout).toMatch(/reserved .*nas/)
  })
})
