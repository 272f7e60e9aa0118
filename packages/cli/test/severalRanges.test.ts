import { portsOn } from '@ports/testkit'
import { emptyDatabase, freshDatabase } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'

const done = (stdout: string) => ({ stdout, stderr: '', status: 0 })
const just = (service: string) => `Allocated just now: ${service} had no port on localhost/tcp.\n`

describe('range add and remove', () => {
  test('give a project single numbers on one host and take them again', async () => {
    const ports = portsOn(await emptyDatabase())
    const onNas = ['--start', '8096', '--hostname', 'nas']
    expect(await ports('range', 'add', 'homelab', ...onNas)).toEqual(done('8096-8096\n'))
    expect(await ports('range', 'add', 'homelab', '--start', '9000', '--end', '9001')).toEqual(
      done('9000-9001\n'),
    )
    expect(await ports('range', 'list')).toEqual(
      done(
        [
          'START   END  PROJECT  HOST',
          ' 8096  8096  homelab  nas',
          ' 9000  9001  homelab  -',
          '',
        ].join('\n'),
      ),
    )
    await ports('get', 'homelab', 'web', '--hostname', 'nas')
    expect(await ports('get', 'homelab', 'web', '--hostname', 'nas')).toEqual(done('8096\n'))
    await ports('get', 'homelab', 'web')
    expect(await ports('get', 'homelab', 'web')).toEqual(done('9000\n'))

    expect(await ports('range', 'remove', 'homelab', ...onNas)).toMatchObject({
      stderr: expect.stringContaining('ports release homelab web --port 8096 --hostname nas'),
      status: 4,
    })
    await ports('release', 'homelab', 'web', '--hostname', 'nas')
    expect(await ports('range', 'remove', 'homelab', ...onNas)).toEqual({
      stdout: '',
      stderr: 'homelab no longer owns 8096 on nas.\n',
      status: 0,
    })
    expect(JSON.parse((await ports('range', 'list', '--json')).stdout)).toEqual([
      { projectName: 'homelab', startPort: 9000, endPort: 9001 },
    ])
  })

  test('show whose numbers are in the way', async () => {
    const ports = portsOn(await freshDatabase())
    for (const project of ['consilio', 'myapp']) {
      const start = ['--start', '3150', '--end', '3160']
      expect(await ports('range', 'add', project, ...start)).toMatchObject({
        stderr: expect.stringContaining('3150-3160 would overlap 3100-3199 of consilio'),
        status: 4,
      })
    }
    const second = await ports('range', 'create', 'consilio', '--size', '10')
    expect(second.stderr).toContain(
      'To add a range to it: ports range add consilio --start <port> --end <port>',
    )
  })
})

describe('with several ranges', () => {
  test('range resize wants to know which one', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('range', 'add', 'consilio', '--start', '4100', '--end', '4199')
    const bounds = ['--start', '4100', '--end', '4149']
    expect(await ports('range', 'resize', 'consilio', ...bounds)).toEqual({
      stdout: '',
      stderr:
        'error: consilio has more than one range. Name one by its first port: 3100-3199, 4100-4199.\n',
      status: 2,
    })
    expect(await ports('range', 'resize', 'consilio', '--from', '4100', ...bounds)).toEqual(
      done('4100-4149\n'),
    )
  })

  test('summary shows those of the host, and a host without any is told where they are', async () => {
    const ports = portsOn(await emptyDatabase())
    await ports('range', 'add', 'homelab', '--start', '8096', '--hostname', 'nas')
    await ports('range', 'add', 'homelab', '--start', '9000', '--end', '9001', '--hostname', 'nas')
    await ports('range', 'add', 'myapp', '--start', '3000', '--end', '3009')
    const { stdout } = await ports('summary', 'homelab', '--hostname', 'nas')
    expect(stdout).toContain('8096, 9000-9001')
    const json = await ports('summary', 'homelab', '--hostname', 'nas', '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({
      startPort: 8096,
      endPort: 9001,
      ranges: [
        { startPort: 8096, endPort: 8096 },
        { startPort: 9000, endPort: 9001 },
      ],
      totalPorts: 3,
      availablePorts: 3,
    })
    expect(await ports('summary', 'homelab')).toMatchObject({
      stderr: expect.stringContaining('homelab has no range on localhost; its ranges are on nas'),
      status: 4,
    })
    const elsewhere = await ports('get', 'homelab', 'web')
    expect(elsewhere).toMatchObject({ stdout: '', status: 4 })
    expect(elsewhere.stderr).toContain('homelab has no range on localhost; its ranges are on nas')
  })

  test('summary of all projects shows also those whose ranges are on other hosts', async () => {
    const ports = portsOn(await emptyDatabase())
    for (const hostname of ['pi', 'nas']) {
      await ports('range', 'add', 'homelab', '--start', '8096', '--hostname', hostname)
    }
    await ports('range', 'add', 'myapp', '--start', '9000', '--end', '9009')
    expect(await ports('summary')).toEqual(
      done(
        [
          'PROJECT  RANGES             SCOPE          TOTAL  ALLOCATED  AVAILABLE  RESERVED  RESTING  UNUSABLE  USED %',
          'homelab  none (on nas, pi)  localhost/tcp      0          0          0         0        0         0       0',
          'myapp    9000-9009          localhost/tcp     10          0         10         0        0         0       0',
          '',
        ].join('\n'),
      ),
    )
    const scope = { hostname: 'localhost', protocol: 'tcp' }
    expect(JSON.parse((await ports('summary', '--json')).stdout)).toEqual([
      {
        projectName: 'homelab',
        ...scope,
        ranges: [],
        elsewhere: ['nas', 'pi'],
        totalPorts: 0,
        allocatedPorts: 0,
        availablePorts: 0,
        reservedPorts: 0,
        restingPorts: 0,
        unusablePorts: 0,
        allocatableNow: 0,
        restSeconds: 0,
        utilizationPercent: 0,
      },
      expect.objectContaining({ projectName: 'myapp', ...scope, totalPorts: 10 }),
    ])
  })
})

describe('get --create-range', () => {
  test('gives a project without a range one, and says so once', async () => {
    const ports = portsOn(await emptyDatabase())
    expect(await ports('get', 'myapp', 'api', '--create-range')).toEqual({
      stdout: '3100\n',
      stderr: `Created the range 3100-3199 for myapp.\n${just('myapp/api')}`,
      status: 0,
    })
    expect(await ports('get', 'myapp', 'web', '--create-range=10')).toEqual({
      stdout: '3101\n',
      stderr: just('myapp/web'),
      status: 0,
    })
    expect((await ports('get', 'other', 'web', '--create-range=10')).stderr).toBe(
      `Created the range 3010-3019 for other.\n${just('other/web')}`,
    )
  })

  test.each([
    ['myapp', '--create-range=0', '--create-range is 0'],
    ['myapp', '--create-range=1001', '--create-range is 1001'],
    ['../', '--create-range', 'project is "../"'],
  ])('refuses %s %s, and creates nothing', async (project, option, message) => {
    const ports = portsOn(await emptyDatabase())
    expect(await ports('get', project, 'api', option)).toMatchObject({
      stdout: '',
      stderr: expect.stringContaining(message),
      status: 2,
    })
    expect((await ports('range', 'list')).stderr).toBe('No project has a range.\n')
  })
})
