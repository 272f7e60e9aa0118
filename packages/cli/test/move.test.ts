import { portsOn } from '@ports/testkit'
import { freshDatabase } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'

describe('move', () => {
  test('gives the service the number instead of the one that it has', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'web', '--description', 'Storefront')
    expect(await ports('move', 'consilio', 'web', '3120')).toEqual({
      ...{ stdout: '3120\n', stderr: 'Moved consilio/web from 3100 to 3120.\n', status: 0 },
    })
    expect(await ports('move', 'consilio', 'web', '3120')).toEqual({
      ...{ stdout: '3120\n', stderr: '', status: 0 },
    })
    expect(await ports('get', 'consilio', 'web')).toMatchObject({ stdout: '3120\n', stderr: '' })
    const held = JSON.parse((await ports('list', 'consilio', '--json')).stdout)
    expect(held).toMatchObject([{ port: 3120, description: 'Storefront' }])
    expect(held).toHaveLength(1)
  })

  test('says as JSON what it moved', async () => {
    const ports = portsOn(await freshDatabase())
    const service = { projectName: 'consilio', serviceName: 'web' }
    await ports('get', 'consilio', 'web')
    const move = ['move', 'consilio', 'web', '3120', '--json']
    const moved = { port: 3120, ...service, hostname: 'localhost', protocol: 'tcp' }
    expect(JSON.parse((await ports(...move)).stdout)).toMatchObject({
      ...{ ...moved, moved: true, movedFrom: 3100 },
    })
    const again = JSON.parse((await ports(...move)).stdout)
    expect(again).toMatchObject({ ...moved, moved: false })
    expect(again).not.toHaveProperty('movedFrom')
  })

  test('moves the number that --from names', async () => {
    const ports = portsOn(await freshDatabase())
    for (const _ of [1, 2, 3]) await ports('allocate', 'consilio', 'worker')
    const move = ['move', 'consilio', 'worker', '3120', '--from', '3101']
    expect(await ports(...move)).toMatchObject({ stdout: '3120\n', status: 0 })
    expect(await ports(...move)).toMatchObject({ stdout: '3120\n', stderr: '', status: 0 })
    const held = JSON.parse((await ports('list', 'consilio', '--json')).stdout)
    expect(held.map((it: { port: number }) => it.port)).toEqual([3100, 3102, 3120])
  })

  test('has nothing to move if the service holds no such port, and names other instances', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'web', '--instance', 'login')
    const none = await ports('move', 'consilio', 'web', '3120')
    expect(none).toMatchObject({ stdout: '', status: 1 })
    expect(none.stderr).toContain('Nothing to move: consilio/web holds no such port.')
    expect(none.stderr).toContain('login')
    const asJson = await ports('move', 'consilio', 'web', '3120', '--json')
    expect(asJson).toMatchObject({ status: 1 })
    expect(JSON.parse(asJson.stdout)).toMatchObject({ moved: false, otherInstances: ['login'] })
    const login = await ports('move', 'consilio', 'web', '3120', '--instance', 'login')
    expect(login.stderr).toBe('Moved consilio/web@login from 3100 to 3120.\n')
  })

  test.each([
    ['taken', '3101', 'PORT_TAKEN', 'consilio/api has held port 3101'],
    ['of another project', '3200', 'PORT_OUT_OF_RANGE', 'belongs to'],
    ['reserved', '3150', 'PORT_RESERVED', 'To take it anyway: --use-reservation'],
  ])('is refused a number that is %s, and changes nothing', async (_what, port, code, message) => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'web')
    await ports('get', 'consilio', 'api')
    await ports('reserve', '3150-3159', '--reason', 'migration')
    const before = (await ports('list', '--json')).stdout
    const refused = await ports('move', 'consilio', 'web', port)
    expect(refused).toMatchObject({ stdout: '', status: 4 })
    expect(refused.stderr).toContain(message)
    const { error } = JSON.parse((await ports('move', 'consilio', 'web', port, '--json')).stderr)
    expect(error).toMatchObject({ code, details: { port: Number(port) } })
    expect((await ports('list', '--json')).stdout).toBe(before)
  })

  test('takes a reserved number with --use-reservation', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'web')
    await ports('reserve', '3150', '--reason', 'migration')
    const move = ['move', 'consilio', 'web', '3150', '--use-reservation']
    expect(await ports(...move)).toMatchObject({ stdout: '3150\n', status: 0 })
  })

  test.each([
    ['web', []],
    ['0', []],
    ['65536', []],
    ['', []],
    ['3120', ['--from', 'x']],
    ['3120', ['--from', '0']],
    ['3120', ['--protocol', 'sctp']],
  ])('refuses %j with %j', async (port, options) => {
    const ports = portsOn(await freshDatabase())
    const move = ['move', 'consilio', 'web', port, ...options]
    expect(await ports(...move)).toMatchObject({ stdout: '', status: 2 })
  })

  test('says that a project is not known', async () => {
    const ports = portsOn(await freshDatabase())
    const refused = await ports('move', 'consilo', 'web', '3120')
    expect(refused).toMatchObject({ stdout: '', status: 3 })
    expect(refused.stderr).toContain('consilio')
  })
})
