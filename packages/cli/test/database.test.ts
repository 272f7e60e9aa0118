import {
  cleanEnvironment,
  type Ended,
  fillServer,
  portsOn,
  portsWith,
  tcpServer,
} from '@ports/testkit'
import { faultyProxy, freshDatabase, registryHome, unmigratedDatabase } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'

function expectError({ stdout, stderr, status }: Ended, code: string) {
  expect({ stdout, status }, stderr).toEqual({ stdout: '', status: 5 })
  expect(JSON.parse(stderr)).toMatchObject({ error: { code } })
}

describe('says what is wrong with a database', () => {
  test('that is down', async () => {
    const server = await tcpServer(() => {})
    await server[Symbol.asyncDispose]()
    const ports = portsOn(server.url)
    expectError(await ports('get', 'consilio', 'api', '--json'), 'DATABASE_UNAVAILABLE')
    expectError(await ports('list', '--json'), 'DATABASE_UNAVAILABLE')
    expectError(await ports('audit', '--json'), 'DATABASE_UNAVAILABLE')
    expectError(await ports('db', 'status', '--json'), 'DATABASE_UNAVAILABLE')
    expectError(await ports('db', 'migrate', '--json'), 'DATABASE_UNAVAILABLE')
    const text = await ports('get', 'consilio', 'api')
    expect(text.stderr).toMatch(/^error: The database cannot be reached/)
  })

  test('that refuses the password', async () => {
    await using server = await tcpServer((socket) => {
      socket.once('data', () => socket.end(errorResponse('28P01', 'password refused')))
    })
    const ports = portsOn(server.url)
    const refused = await ports('get', 'consilio', 'api', '--json')
    expectError(refused, 'DATABASE_UNAVAILABLE')
    expect(refused.stderr).toContain('password refused')
    expect(refused.stderr).not.toContain('secret')
  })

  test('that is not migrated', async () => {
    const ports = portsOn(await unmigratedDatabase())
    expectError(await ports('get', 'consilio', 'api', '--json'), 'DATABASE_NOT_MIGRATED')
    expectError(await ports('list', '--json'), 'DATABASE_NOT_MIGRATED')
    expect((await ports('get', 'consilio', 'api')).stderr).toContain('ports db migrate')
  })

  test('that ends during a call', async () => {
    const url = await freshDatabase()
    const proxy = await faultyProxy(url, {
      onRequest: (_type, body) => {
        if (body.includes('ensure_port')) proxy.cut()
      },
    })
    const ports = portsOn(proxy.url)
    expectError(await ports('get', 'consilio', 'api', '--json'), 'OUTCOME_UNKNOWN')
    expect(await portsOn(url)('list', '--json')).toMatchObject({ stdout: '[]\n' })
    expect(await portsOn(url)('get', 'consilio', 'api')).toMatchObject({ stdout: '3100\n' })
  })

  test('whose URL is malformed', async () => {
    const ports = portsOn('mysql://ports:secret@localhost/ports')
    const { stdout, stderr, status } = await ports('get', 'consilio', 'api', '--json')
    expect({ stdout, status }).toEqual({ stdout: '', status: 2 })
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'INVALID_ARGUMENT', details: { field: 'PORTS_DATABASE_URL' } },
    })
    expect(stderr).not.toContain('secret')
  })
})

describe('the embedded database', () => {
  test('is started by the first command that needs it, and stays until it is stopped', async () => {
    const home = registryHome('ports cli')
    const ports = portsWith(cleanEnvironment({ PORTS_HOME: home }))
    const before = await ports('db', 'status', '--json')
    expect(JSON.parse(before.stdout)).toMatchObject({ kind: 'embedded', running: false, home })
    expect(before.status).toBe(1)

    const first = await ports('get', 'consilio', 'api')
    expect(first).toMatchObject({ stdout: '3100\n', status: 0 })
    expect(first.stderr).toContain(home)
    expect(await ports('get', 'consilio', 'api')).toEqual({
      stdout: '3100\n',
      stderr: '',
      status: 0,
    })

    const { stdout, status } = await ports('db', 'status')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^database +embedded\nrunning +yes\n/)

    {
      const { socketDirectory } = JSON.parse((await ports('db', 'status', '--json')).stdout)
      await using _sessions = await fillServer(socketDirectory)
      const full = await ports('db', 'status')
      expect(full).toMatchObject({ status: 0, stderr: '' })
      expect(full.stdout).toContain('\nrunning   yes\n')
      expect(full.stdout).toContain('\nsessions  300 of 300: full, new ones wait their turn\n')
      expect((await ports('db', 'start')).status).toBe(0)
    }

    expect(await ports('db', 'stop')).toEqual({ stdout: '', stderr: 'Stopped.\n', status: 0 })
    expect(JSON.parse((await ports('db', 'stop', '--json')).stdout)).toEqual({ stopped: false })
    const started = JSON.parse((await ports('db', 'start', '--json')).stdout)
    expect(started).toMatchObject({ kind: 'embedded', running: true })
    expect(await ports('get', 'consilio', 'api')).toMatchObject({ stdout: '3100\n' })
  })
})

/** PostgreSQL's ErrorResponse (protocol 3.0). */
function errorResponse(sqlState: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0C${sqlState}\0M${message}\0\0`)
  const head = Buffer.alloc(5, 'E')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}
