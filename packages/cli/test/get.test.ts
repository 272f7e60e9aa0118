import { portsOn } from '@ports/testkit'
import { freshDatabase } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'

const just = (service: string, scope = 'localhost/tcp') =>
  `Allocated just now: ${service} had no port on ${scope}.\n`

describe('get', () => {
  test('says on stderr when it allocated the port just now', async () => {
    const ports = portsOn(await freshDatabase())
    expect(await ports('get', 'consilio', 'web')).toEqual({
      stdout: '3100\n',
      stderr: just('consilio/web'),
      status: 0,
    })
    expect(await ports('get', 'consilio', 'web')).toEqual({
      stdout: '3100\n',
      stderr: '',
      status: 0,
    })
    expect((await ports('get', 'consilio', 'web', '--instance', 'login')).stderr).toBe(
      just('consilio/web@login'),
    )
    const json = await ports('get', 'consilio', 'api', '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({ port: 3102, created: true })
  })

  test('asks whether a service that differs by case or a letter was meant', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'web')
    await ports('get', 'consilio', 'web-1')
    await ports('get', 'odin', 'worker')
    for (const name of ['Web', 'wed']) {
      const { stdout, stderr, status } = await ports('get', 'consilio', name)
      expect({ stdout, status }).toEqual({ stdout: '3102\n', status: 0 })
      expect(stderr).toBe(
        `${just(`consilio/${name}`)}consilio has web: did you mean that?\n` +
          `If that was a mistake: ports release consilio ${name} --protocol tcp\n`,
      )
      await ports('release', 'consilio', name)
    }
    for (const name of ['api', 'workers', 'web-2']) {
      expect((await ports('get', 'consilio', name)).stderr).toBe(just(`consilio/${name}`))
    }
  })

  test('says that a host is new, once the registry knows others', async () => {
    const ports = portsOn(await freshDatabase())
    expect((await ports('get', 'consilio', 'web')).stderr).toBe(just('consilio/web'))
    const typed = ['get', 'consilio', 'web', '--hostname', 'db11', '--protocol', 'udp']
    expect((await ports(...typed)).stderr).toBe(
      `${just('consilio/web', 'db11/udp')}The host db11 is new here. Known hosts: localhost.\n` +
        'If that was a mistake: ports release consilio web --protocol udp --hostname db11\n',
    )
    const onDb11 = ['consilio', 'api', '--hostname', 'db11']
    expect((await ports('get', ...onDb11)).stderr).toBe(just('consilio/api', 'db11/tcp'))
    await ports('release', ...onDb11)
    await ports('release', 'consilio', 'web', '--hostname', 'db11')
    expect((await ports('get', ...onDb11)).stderr).toBe(just('consilio/api', 'db11/tcp'))
  })

  test('the command that it names takes back what it allocated, and no more', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'web')
    await ports('get', 'consilio', 'wed', '--protocol', 'udp')
    const { stderr } = await ports('get', 'consilio', 'wed')
    const [, command] = /If that was a mistake: ports (.*)\n/.exec(stderr) ?? []
    expect((await ports(...command!.split(' '))).stderr).toBe(
      'Released 3101/tcp of consilio/wed.\n',
    )
  })
})

describe('get of several services', () => {
  const warning = (service: string) =>
    `warning: ${service} has the Cloudflare hostname shop.example.com too. It can lead to only one of them.\n`

  test('says which it allocated just now, and what looks mistyped', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'web')
    const { stdout, stderr } = await ports('get', 'consilio', 'web', 'api', 'wed', 'apj')
    expect(stdout).toBe('3100\n3101\n3102\n3103\n')
    // All of these names were typed in one command.
    expect(stderr).toBe(['api', 'wed', 'apj'].map((name) => just(`consilio/${name}`)).join(''))
    const mistyped = await ports('get', 'consilio', 'worker', 'apk', '--hostname', 'db11')
    expect(mistyped.stderr).toBe(
      just('consilio/worker', 'db11/tcp') +
        just('consilio/apk', 'db11/tcp') +
        'consilio has api and apj: did you mean that?\n' +
        'The host db11 is new here. Known hosts: localhost.\n' +
        'If that was a mistake: ports release consilio worker --protocol tcp --hostname db11\n' +
        'If that was a mistake: ports release consilio apk --protocol tcp --hostname db11\n',
    )
  })

  test('names a service once for each protocol, however many ports it got', async () => {
    const ports = portsOn(await freshDatabase())
    const typed = ['get', 'consilio', 'rtp', '--count', '3', '--both-protocols']
    expect((await ports(...typed)).stderr).toBe(
      just('consilio/rtp') + just('consilio/rtp', 'localhost/udp'),
    )
    expect((await ports(...typed)).stderr).toBe('')
  })

  test('warns of a Cloudflare hostname that several have, once', async () => {
    const ports = portsOn(await freshDatabase())
    const hostname = ['--cloudflare-hostname', 'shop.example.com']
    await ports('get', 'consilio', 'web', ...hostname)
    const count = await ports('get', 'consilio', 'rtp', '--count', '2', ...hostname)
    expect(count.stderr).toBe(warning('consilio/web') + just('consilio/rtp'))
    await ports('release', 'consilio', 'rtp')
    const several = await ports('get', 'consilio', 'web', 'api', ...hostname, '--json')
    expect(several.stderr).toBe(warning('consilio/api') + just('consilio/api'))
    const { allocations, warnings } = JSON.parse(several.stdout)
    expect(warnings).toMatchObject([
      { code: 'SAME_CLOUDFLARE_HOSTNAME', services: ['consilio/api'] },
    ])
    expect(allocations[0]).not.toHaveProperty('sameCloudflareHostname')
    expect((await ports('get', 'consilio', 'web', 'api')).stderr).toBe('')
  })
})

describe('get --existing', () => {
  test('prints the port that a service has', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'web')
    await ports('claim', 'consilio', 'web', '3150')
    const existing = ['get', 'consilio', 'web', '--existing']
    expect(await ports(...existing)).toEqual({ stdout: '3150\n', stderr: '', status: 0 })
    expect(JSON.parse((await ports(...existing, '--json')).stdout)).toEqual({
      port: 3150,
      projectName: 'consilio',
      serviceName: 'web',
      instance: '',
      hostname: 'localhost',
      protocol: 'tcp',
    })
  })

  test('allocates nothing, and ends with 1 if there is none', async () => {
    const ports = portsOn(await freshDatabase())
    const existing = ['get', 'consilio', 'web', '--existing']
    expect(await ports(...existing)).toEqual({
      stdout: '',
      stderr: 'consilio/web has no port on localhost/tcp.\n',
      status: 1,
    })
    await ports('get', 'consilio', 'webs')
    await ports('get', 'consilio', 'web', '--instance', 'login')
    expect(await ports(...existing)).toEqual({
      stdout: '',
      stderr:
        'consilio/web has no port on localhost/tcp.\n' +
        'Other instances hold some: --instance login\n' +
        'consilio has webs: did you mean that?\n',
      status: 1,
    })
    const json = await ports(...existing, '--json')
    expect(json).toMatchObject({ stderr: '', status: 1 })
    expect(JSON.parse(json.stdout)).toMatchObject({ port: null, otherInstances: ['login'] })
    expect(JSON.parse((await ports('list', '--json')).stdout)).toHaveLength(2)
  })

  test('fails otherwise as get does, and takes nothing that would be stored', async () => {
    const ports = portsOn(await freshDatabase())
    expect(await ports('get', 'nosuch', 'web', '--existing')).toMatchObject({ status: 3 })
    const down = portsOn('postgresql://127.0.0.1:1/nothing')
    expect(await down('get', 'consilio', 'web', '--existing')).toMatchObject({ status: 5 })
    for (const option of ['--prefer', '--type', '--description', '--cloudflare-hostname']) {
      const typed = ['get', 'consilio', 'web', '--existing', option, '3100']
      expect(await down(...typed)).toMatchObject({ stdout: '', status: 2 })
    }
  })
})
