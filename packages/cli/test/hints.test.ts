import { readFileSync } from 'node:fs'
import { CLI, ended, environmentOn, portsOn } from '@ports/testkit'
import { freshDatabase, onLinux, unmigratedDatabase } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'

/** Runs the command lines that a refusal proposes. */
async function typeHints(url: string, stderr: string, more: Record<string, string> = {}) {
  const lines = stderr.split('\n').filter((line) => /^ {2}(PORTS_\w+=\S* )*ports /.test(line))
  expect(lines, stderr).not.toEqual([])
  const script = `ports() { '${process.execPath}' '${CLI}' "$@"; }\n${lines.join('\n')}`
  return ended('bash', ['-ec', script], environmentOn(url, more))
}

async function held(url: string): Promise<string[]> {
  const { stdout } = await portsOn(url)('list', '--json')
  return JSON.parse(stdout).map(
    (it: { port: number; hostname: string; protocol: string; serviceName: string }) =>
      `${it.hostname}:${it.port}/${it.protocol} ${it.serviceName}`,
  )
}

describe('a refused range resize', () => {
  test('names a command for each number outside, which releases those alone', async () => {
    const url = await freshDatabase()
    const ports = portsOn(url)
    for (const _ of [1, 2, 3]) await ports('allocate', 'consilio', 'worker')
    await ports('get', 'consilio', 'worker', '--protocol', 'udp')
    await ports('get', 'consilio', 'fits')
    await ports('get', 'consilio', 'last')
    const before = await held(url)
    const resize = ['range', 'resize', 'consilio', '--start', '3101', '--end', '3103']
    const refused = await ports(...resize)
    expect(refused).toMatchObject({ stdout: '', status: 4 })
    expect(await held(url)).toEqual(before)
    expect(refused.stderr).toContain('  ports release consilio worker --port 3100\n')
    expect(await typeHints(url, refused.stderr)).toMatchObject({ status: 0 })
    const outside = [
      'localhost:3100/tcp worker',
      'localhost:3100/udp worker',
      'localhost:3104/tcp last',
    ]
    expect(await held(url)).toEqual(before.filter((it) => !outside.includes(it)))
    expect(await ports(...resize)).toMatchObject({ status: 0 })
  })

  test('says that there are more than it names', async () => {
    const ports = portsOn(await freshDatabase())
    for (let nth = 0; nth < 11; nth++) await ports('allocate', 'consilio', 'worker')
    const resize = ['range', 'resize', 'consilio', '--start', '3150', '--end', '3199']
    expect((await ports(...resize)).stderr).toContain('There is 1 more, which the next attempt')
    await ports('allocate', 'consilio', 'worker')
    const refused = await ports(...resize)
    expect(refused.stderr.match(/ports release/g)).toHaveLength(10)
    expect(refused.stderr).toContain('There are 2 more, which the next attempt names.')
  })
})

describe('a refused range delete', () => {
  test('names commands that work as typed, whatever the hosts are called', async () => {
    const url = await freshDatabase()
    await portsOn(url)('get', 'odin', 'api')
    const elsewhere = ['db1', 'fe80::1', 'db_2.example.org']
    for (const hostname of elsewhere)
      await portsOn(url)('get', 'odin', 'api', '--hostname', hostname)
    const named = { PORTS_HOSTNAME: 'mac-mini' }
    const ports = portsOn(url, named)
    await ports('allocate', 'odin', 'api')
    await ports('allocate', 'odin', 'api')
    const refused = await ports('range', 'delete', 'odin')
    expect(refused).toMatchObject({ stdout: '', status: 4 })
    expect(refused.stderr).toContain('\n  ports release odin api\n')
    expect(refused.stderr).toContain('\n  PORTS_HOSTNAME=localhost ports release odin api\n')
    expect(refused.stderr.match(/release odin api/g)).toHaveLength(5)
    expect(await typeHints(url, refused.stderr, named)).toMatchObject({ status: 0 })
    expect(await held(url)).toEqual([])
    expect(await ports('range', 'delete', 'odin')).toMatchObject({ status: 0 })
  })
})

describe('a refused range delete or resize', () => {
  test('names commands for the ports of every instance, whichever is the default', async () => {
    const url = await freshDatabase()
    const named = { PORTS_INSTANCE: 'login', PORTS_HOSTNAME: 'mac-mini' }
    const ports = portsOn(url, named)
    await portsOn(url)('get', 'odin', 'api')
    for (const instance of ['login', 'billing']) {
      await ports('get', 'odin', 'api', '--instance', instance)
      await ports('get', 'odin', 'api', '--instance', instance, '--hostname', 'db1')
    }
    const resize = await ports('range', 'resize', 'odin', '--start', '3301', '--end', '3399')
    expect(resize.stderr).toContain('\n  ports release odin api --port 3300\n')
    const refused = await ports('range', 'delete', 'odin')
    expect(refused).toMatchObject({ stdout: '', status: 4 })
    expect(refused.stderr).toContain('\n  ports release odin api\n')
    expect(refused.stderr).toContain(
      "\n  PORTS_HOSTNAME=localhost ports release odin api --instance '(primary)'\n",
    )
    expect(refused.stderr).toContain(
      '\n  ports release odin api --instance billing --hostname db1\n',
    )
    expect(await typeHints(url, refused.stderr, named)).toMatchObject({ status: 0 })
    expect(await held(url)).toEqual([])
  })
})

describe('a full range', () => {
  test('is widened by the command that is proposed', async () => {
    const url = await freshDatabase()
    const ports = portsOn(url)
    await ports('range', 'create', 'tiny', '--start', '4000', '--end', '4000')
    await ports('range', 'create', 'above', '--start', '4002', '--end', '4002')
    await ports('get', 'tiny', 'api')
    const refused = await ports('get', 'tiny', 'web')
    expect(refused).toMatchObject({ stdout: '', status: 4 })
    expect(refused.stderr).toContain('ports range resize tiny --start 4000 --end 4001')
    const resized = await ports('range', 'resize', 'tiny', '--start', '4000', '--end', '4001')
    expect(resized).toMatchObject({ status: 0 })
    expect(await ports('get', 'tiny', 'web')).toMatchObject({ stdout: '4001\n' })
    const below = await ports('get', 'tiny', 'third')
    expect(below.stderr).toContain('ports range resize tiny --start 3998 --end 4001')
  })

  test('is named where the project has several, also those of other hosts', async () => {
    const url = await freshDatabase()
    const ports = portsOn(url)
    for (const hostname of ['nas', 'pi']) {
      await ports('range', 'add', 'tiny', '--start', '4000', '--hostname', hostname)
    }
    const getOnNas = (service: string) => ports('get', 'tiny', service, '--hostname', 'nas')
    await getOnNas('api')
    const refused = await getOnNas('web')
    expect(refused.stderr).toContain('or widen 4000 on nas: 3600-8999 would overlap no other')
    const [, command] = /To widen it: ports (.*)\n/.exec(refused.stderr) ?? []
    expect(await ports(...command!.split(' '))).toMatchObject({ stdout: '4000-4001\n', status: 0 })
    expect(await getOnNas('web')).toMatchObject({ stdout: '4001\n' })
  })

  test('without room on either side is not told to widen', async () => {
    const ports = portsOn(await freshDatabase())
    for (const port of ['3999', '4000', '4001']) {
      await ports('range', 'create', `p${port}`, '--start', port, '--end', port)
    }
    await ports('get', 'p4000', 'api')
    for (const command of ['get', 'allocate']) {
      const { stderr } = await ports(command, 'p4000', 'web')
      expect(stderr).toContain('cannot be widened, because 3999 is the last port of p3999')
      expect(stderr).toContain('ports list p4000')
      expect(stderr).not.toContain('range resize')
    }
  })
})

describe('an unknown project', () => {
  test.each([
    [true, ['get', 'nosuch', 'api']],
    [true, ['allocate', 'nosuch', 'api']],
    [false, ['release', 'nosuch', 'api']],
    [false, ['update', 'nosuch', 'api', '--type', 'http']],
    [false, ['list', 'nosuch']],
    [false, ['summary', 'nosuch']],
    [false, ['range', 'delete', 'nosuch']],
    [false, ['range', 'resize', 'nosuch', '--start', '4000', '--end', '4001']],
  ])('is given a range (%s) after %j', async (isAdvised, args) => {
    const { stderr, status } = await portsOn(await freshDatabase())(...args)
    expect(status).toBe(3)
    expect(stderr.includes('ports range create nosuch --size 100')).toBe(isAdvised)
  })
})

describe('an outage', () => {
  test('tells only callers that want a port not to pick one', async () => {
    const down = portsOn('postgresql://127.0.0.1:1/nothing')
    const unmigrated = portsOn(await unmigratedDatabase())
    for (const ports of [down, unmigrated]) {
      for (const command of ['get', 'allocate']) {
        const { stderr, status } = await ports(command, 'consilio', 'api')
        expect(status).toBe(5)
        expect(stderr).toContain('Do not pick a port yourself')
      }
      expect((await ports('list')).stderr).not.toContain('pick')
    }
    expect((await down('list')).stderr).toContain('ports db status')
    expect((await unmigrated('list')).stderr).toContain('ports db migrate')
  })
})

describe('a range of ephemeral numbers', () => {
  test('is not told to widen into more of them, nor to look for holders', async ({ skip }) => {
    onLinux(skip)
    const [first] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1').split(/\s/)
    const start = Number(first) + 100
    const url = await freshDatabase()
    const ports = portsOn(url, { PORTS_PASS_OVER: '' })
    await ports('range', 'create', 'high', '--start', `${start}`, '--end', `${start + 9}`)
    const { stderr, status } = await ports('get', 'high', 'api')
    expect(status).toBe(4)
    expect(stderr).toContain(': ports range add high --start <port> --end <port>\n')
    expect(stderr).toContain(`as root: sysctl -w net.ipv4.ip_local_reserved_ports=`)
    expect(stderr).not.toMatch(/range resize|ports list/)
  })
})
