import { createServer } from 'node:net'
import { portsOn } from '@ports/testkit'
import { freshDatabase } from '@ports/testkit/vitest'
import { describe, expect, onTestFinished, test } from 'vitest'

describe('claim', () => {
  test('prints the number, which get then prints', async () => {
    const ports = portsOn(await freshDatabase())
    expect(await ports('get', 'consilio', 'web')).toMatchObject({ stdout: '3100\n' })
    const claimed = { stdout: '3105\n', stderr: '', status: 0 }
    expect(await ports('claim', 'consilio', 'web', '3105')).toEqual(claimed)
    expect(await ports('claim', 'consilio', 'web', '3105')).toEqual(claimed)
    expect(await ports('get', 'consilio', 'web')).toMatchObject({ stdout: '3105\n' })
  })

  test.each([
    ['taken', '3105', 'PORT_TAKEN', 'consilio/api has held port 3105'],
    ['of another project', '3200', 'PORT_OUT_OF_RANGE', 'belongs to'],
    ['of no project', '65000', 'PORT_OUT_OF_RANGE', 'No project owns it'],
  ])('refuses a number that is %s, and changes nothing', async (_what, port, code, message) => {
    const ports = portsOn(await freshDatabase())
    await ports('claim', 'consilio', 'api', '3105')
    const before = (await ports('list', '--json')).stdout
    const refused = await ports('claim', 'consilio', 'web', port)
    expect(refused).toMatchObject({ stdout: '', status: 4 })
    expect(refused.stderr).toContain(message)
    const { error } = JSON.parse((await ports('claim', 'consilio', 'web', port, '--json')).stderr)
    expect(error).toMatchObject({ code, details: { port: Number(port) } })
    expect((await ports('list', '--json')).stdout).toBe(before)
  })

  test.each(['web', '0', '65536', ''])('refuses %j as a number', async (port) => {
    const ports = portsOn(await freshDatabase())
    expect(await ports('claim', 'consilio', 'web', port)).toMatchObject({ stdout: '', status: 2 })
  })
})

describe('get --prefer', () => {
  test('prints that number if it is available, else the lowest, and says so', async () => {
    const ports = portsOn(await freshDatabase())
    const preferred = await ports('get', 'consilio', 'web', '--prefer', '3105')
    expect(preferred).toMatchObject({ stdout: '3105\n', status: 0 })
    expect(preferred.stderr).toBe(
      'Allocated just now: consilio/web had no port on localhost/tcp.\n',
    )
    const other = await ports('get', 'consilio', 'api', '--prefer', '3105')
    expect(other).toMatchObject({ stdout: '3100\n', status: 0 })
    expect(other.stderr).toContain('Skipped 3105')
  })
})

describe('a number on which something listens that the registry does not know', () => {
  async function listen(): Promise<number> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => new Promise((resolve) => server.close(() => resolve())))
    return (server.address() as { port: number }).port
  }

  test('is passed over, and get says why; a claim gets it, and says what it is', async () => {
    const url = await freshDatabase()
    const ports = portsOn(url, { PORTS_PASS_OVER: '' })
    const busy = await listen()
    const range = ['--start', `${busy}`, '--end', `${busy}`]
    expect(await ports('range', 'create', 'shop', ...range)).toMatchObject({ status: 0 })
    const full = await ports('get', 'shop', 'web')
    expect(full).toMatchObject({ stdout: '', status: 4 })
    expect(full.stderr).toContain('passed over (1)')

    const claimed = await ports('claim', 'shop', 'web', `${busy}`)
    expect(claimed).toMatchObject({ stdout: `${busy}\n`, status: 0 })
    expect(claimed.stderr).toContain('something unknown to the registry listens on it')
    expect(await ports('get', 'shop', 'web')).toEqual({
      stdout: `${busy}\n`,
      stderr: '',
      status: 0,
    })
  })

  test('is allocated where PORTS_PASS_OVER is none', async () => {
    const ports = portsOn(await freshDatabase(), { PORTS_PASS_OVER: 'none' })
    const busy = await listen()
    await ports('range', 'create', 'shop', '--start', `${busy}`, '--end', `${busy}`)
    expect(await ports('get', 'shop', 'web')).toMatchObject({ stdout: `${busy}\n` })
  })
})
