import { portsOn } from '@ports/testkit'
import { freshDatabase } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'
import { passTime } from '../../db/test/passTime.js'

const MINUTE = 60

describe('a lease', () => {
  test('is given by get, renewed by get and renew, and ends', async () => {
    const url = await freshDatabase()
    const ports = portsOn(url)
    const get = ['get', 'consilio', 'web', '--ttl', '10m']
    const first = await ports(...get)
    expect(first).toMatchObject({ stdout: '3100\n', status: 0 })
    expect(first.stderr).toMatch(/^Held until 20\S+Z, unless it is renewed before\.$/m)
    await passTime(url, 9 * MINUTE)
    expect(await ports('renew', 'consilio', 'web', '--ttl', '10m')).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(/^Renewed 3100\/tcp of consilio\/web until 20\S+Z\.$/m),
      status: 0,
    })
    await passTime(url, 9 * MINUTE)
    expect(await ports(...get)).toMatchObject({ stdout: '3100\n' })
    await passTime(url, 10 * MINUTE)
    expect(await ports('list', 'consilio')).toMatchObject({ stderr: 'No ports are held.\n' })
    expect(await ports('get', 'consilio', 'api')).toMatchObject({ stdout: '3100\n' })
    const history = await ports('history', 'consilio', 'web')
    expect(history.stdout).toContain('lease-ended')
  })

  test('is in the JSON of get, renew and list', async () => {
    const ports = portsOn(await freshDatabase())
    const json = async (...args: string[]) => JSON.parse((await ports(...args, '--json')).stdout)
    const got = await json('get', 'consilio', 'web', '--ttl', '2h')
    expect(got).toMatchObject({
      id: expect.any(String),
      port: 3100,
      leaseEndsAt: expect.stringMatching(/^20/),
    })
    const { renewed } = await json('renew', 'consilio', 'web', '--ttl', '2h')
    const [{ id, leaseEndsAt }] = await json('list', 'consilio')
    expect(got.id).toBe(id)
    expect(renewed).toEqual([{ id, port: 3100, protocol: 'tcp', leaseEndsAt }])
    expect(await json('get', 'consilio', 'api')).not.toHaveProperty('leaseEndsAt')
    const { stdout } = await ports('list', 'consilio')
    expect(stdout).toMatch(/^PORT.*LEASE UNTIL/)
    expect(stdout).toContain(`${leaseEndsAt.slice(0, 19)}Z`)
  })

  test('is given to several ports, and to further ones', async () => {
    const url = await freshDatabase()
    const ports = portsOn(url)
    await ports('get', 'consilio', 'web', 'api', '--ttl', '1m')
    await ports('allocate', 'consilio', 'worker', '--ttl', '1m')
    await ports('allocate', 'consilio', 'worker', '--count', '2', '--ttl', '1m')
    await passTime(url, MINUTE)
    expect(await ports('list', 'consilio')).toMatchObject({ stderr: 'No ports are held.\n' })
  })

  test('is told by allocate with the id that renews and releases it', async () => {
    const ports = portsOn(await freshDatabase())
    const allocate = ['allocate', 'consilio', 'worker', '--ttl', '10m']
    const text = await ports(...allocate)
    expect(text).toMatchObject({ stdout: '3100\n', status: 0 })
    expect(text.stderr).toMatch(/^Held until 20\S+Z, unless it is renewed before\.$/m)
    const one = JSON.parse((await ports(...allocate, '--json')).stdout)
    expect(one).toMatchObject({ port: 3101, leaseEndsAt: expect.stringMatching(/^20/) })
    const several = await ports(...allocate, '--count', '2', '--json')
    const { ports: numbers, allocations } = JSON.parse(several.stdout)
    expect(numbers).toEqual([3102, 3103])
    expect(allocations).toMatchObject([
      { port: 3102, leaseEndsAt: expect.stringMatching(/^20/) },
      { port: 3103 },
    ])
    expect(await ports('renew', 'consilio', 'worker', '--ttl', '1h', '--id', one.id)).toMatchObject(
      {
        stderr: expect.stringContaining('Renewed 3101/tcp'),
      },
    )
    const released = await ports('release', 'consilio', 'worker', '--id', allocations[1].id)
    expect(released.stderr).toContain('3103')
  })

  test('is given and renewed by claim', async () => {
    const url = await freshDatabase()
    const ports = portsOn(url)
    const claim = ['claim', 'consilio', 'web', '3105', '--ttl', '10m']
    const first = await ports(...claim)
    expect(first).toMatchObject({ stdout: '3105\n', status: 0 })
    expect(first.stderr).toMatch(/^Held until 20\S+Z, unless it is renewed before\.$/m)
    await passTime(url, 9 * MINUTE)
    expect(JSON.parse((await ports(...claim, '--json')).stdout)).toMatchObject({
      ...{ id: expect.any(String), port: 3105, created: false },
      leaseEndsAt: expect.stringMatching(/^20/),
    })
    await passTime(url, 9 * MINUTE)
    expect(await ports('get', 'consilio', 'web', '--existing')).toMatchObject({ stdout: '3105\n' })
    await passTime(url, MINUTE)
    expect(await ports('list')).toMatchObject({ stderr: 'No ports are held.\n' })
  })

  test('that has ended is not renewed, and its holding is not released', async () => {
    const url = await freshDatabase()
    const ports = portsOn(url)
    await ports('get', 'consilio', 'web', '--ttl', '1m')
    const [{ id }] = JSON.parse((await ports('list', 'consilio', '--json')).stdout)
    await passTime(url, MINUTE)
    await ports('get', 'consilio', 'web')
    for (const command of [
      ['renew', 'consilio', 'web', '--ttl', '1m', '--id', id],
      ['release', 'consilio', 'web', '--id', id],
    ]) {
      const lost = await ports(...command)
      expect(lost).toMatchObject({ stdout: '', status: 4 })
      expect(lost.stderr).toContain('it has ended or was released')
      expect(lost.stderr).toContain('ports list consilio --service web')
    }
    expect(await ports('get', 'consilio', 'web', '--existing')).toMatchObject({ status: 0 })
  })

  test('is not said to be lost by a service that never had a port', async () => {
    const ports = portsOn(await freshDatabase())
    const never = await ports('renew', 'consilio', 'web', '--ttl', '1m')
    expect(never).toMatchObject({ stdout: '', status: 4 })
    expect(never.stderr).toContain('consilio/web holds no leased port on localhost. If it had one')
    await ports('get', 'consilio', 'web', '--ttl', '1m')
    const other = await ports('renew', 'consilio', 'web', '--ttl', '1m', '--port', '3105')
    expect(other.stderr).toContain('consilio/web holds no lease on port 3105 on localhost.')
  })

  test('is refused for a port that is held without one', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'web')
    const refused = await ports('get', 'consilio', 'web', '--ttl', '10m')
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain(
      'web of consilio holds port 3100 without a lease, so it is held until it is released.',
    )
  })

  test('has the names that are typed in errors', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'web')
    for (const [field, ...command] of [
      ['ttl', 'get', 'consilio', 'web', '--ttl', '2000w'],
      ['ttl', 'get', 'consilio', 'web', 'api', '--ttl', '2000w'],
      ['id', 'renew', 'consilio', 'web', '--ttl', '1m', '--id', 'x'],
      ['id', 'release', 'consilio', 'web', '--id', 'x'],
      ['time', 'rest', 'consilio', '2000w'],
      ['port', 'claim', 'consilio', 'web', '70000'],
      ['prefer', 'get', 'consilio', 'web', '--prefer', '70000'],
    ] as const) {
      const { stderr } = await ports(...command, '--json')
      expect(JSON.parse(stderr).error).toMatchObject({
        message: expect.stringMatching(new RegExp(`^(--)?${field} is `)),
        details: { field },
      })
    }
    const durable = await ports('get', 'consilio', 'web', '--ttl', '1m', '--json')
    expect(JSON.parse(durable.stderr).error.details).toMatchObject({ field: 'ttl' })
  })

  test.each(['soon', '10', '-5m', '0', '2000w'])('cannot last %s', async (ttl) => {
    const ports = portsOn(await freshDatabase())
    expect(await ports('get', 'consilio', 'web', `--ttl=${ttl}`)).toMatchObject({ status: 2 })
  })
})

describe('rest', () => {
  test('keeps a released number for the service that held it', async () => {
    const url = await freshDatabase()
    const ports = portsOn(url)
    expect(await ports('rest', 'consilio')).toMatchObject({
      stdout: 'Released numbers of consilio do not rest: any service can get them at once.\n',
    })
    expect(await ports('rest', 'consilio', '90m')).toMatchObject({
      stderr: 'Released numbers of consilio rest for 90m.\n',
      status: 0,
    })
    expect(await ports('rest', 'consilio')).toMatchObject({
      stdout: 'Released numbers of consilio rest for 90m.\n',
    })
    await ports('get', 'consilio', 'web')
    await ports('release', 'consilio', 'web')
    expect(await ports('get', 'consilio', 'api')).toMatchObject({
      stdout: '3101\n',
      stderr: expect.stringContaining('Skipped 3100: it rests for the service that held it last.'),
    })
    const refused = await ports('claim', 'consilio', 'worker', '3100')
    expect(refused).toMatchObject({ status: 4 })
    expect(refused.stderr).toContain(' rests on ')
    expect(refused.stderr).toContain('numbers rest: ports rest consilio')
    expect((await ports('summary', 'consilio')).stdout).toContain('RESTING')
    const { stdout } = await ports('list', '--resting')
    expect(stdout).toMatch(/^PORT +PROJECT +LAST HELD BY +SCOPE +RESTS UNTIL\n/)
    expect(stdout).toMatch(/^3100 +consilio +web +localhost\/tcp +20\S+Z$/m)
    const json = JSON.parse((await ports('list', 'consilio', '--resting', '--json')).stdout)
    expect(json).toMatchObject([
      { port: 3100, projectName: 'consilio', serviceName: 'web', restsUntil: expect.any(String) },
    ])
    expect(await ports('list', 'odin', '--resting')).toMatchObject({
      stderr: 'No such number rests.\n',
    })
    expect(await ports('get', 'consilio', 'web')).toMatchObject({ stdout: '3100\n' })
    await ports('release', 'consilio', 'web')
    await passTime(url, 90 * MINUTE)
    expect(await ports('get', 'consilio', 'worker')).toMatchObject({ stdout: '3100\n' })
  })

  test('is switched off, and says so as JSON', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('rest', 'consilio', '1h')
    const off = await ports('rest', 'consilio', '0', '--json')
    expect(JSON.parse(off.stdout)).toEqual({
      projectName: 'consilio',
      restSeconds: 0,
      restSecondsBefore: 3600,
    })
  })

  test('names the project that has no range, and a malformed time', async () => {
    const ports = portsOn(await freshDatabase())
    expect(await ports('rest', 'nothing', '1h')).toMatchObject({ status: 3 })
    const malformed = await ports('rest', 'consilio', 'soon')
    expect(malformed).toMatchObject({ status: 2 })
    expect(malformed.stderr).toContain('time is "soon", but must be a length of time')
  })
})
