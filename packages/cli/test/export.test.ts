import { portsIn } from '@ports/testkit'
import { emptyDatabase, projectDirectory } from '@ports/testkit/vitest'
import { beforeAll, describe, expect, test } from 'vitest'
import { imported, portsOutside, registryToExport } from './exported.js'

let url: string
beforeAll(async () => {
  url = await registryToExport()
})

const GOLDEN: readonly (readonly [file: string, ...args: string[]])[] = [
  ['caddy.Caddyfile', 'caddy'],
  ['nginx.conf', 'nginx'],
  ['traefik.yml', 'traefik'],
  ['prometheus.yml', 'prometheus'],
  ['prometheus.nas.yml', 'prometheus', '--hostname', 'nas'],
  ['cloudflared.shop.yml', 'cloudflared', 'shop'],
  ['cloudflared.nas.yml', 'cloudflared', '--hostname', 'nas'],
  ['compose.shop.yml', 'compose', 'shop'],
  ['compose.login.yml', 'compose', 'shop', '--instance', 'login'],
]

describe('export prints', () => {
  test.each(GOLDEN)('the file %s, the same each time', async (file, ...args) => {
    const { stdout, status } = await portsOutside(url)('export', ...args)
    expect(status).toBe(0)
    await expect(stdout).toMatchFileSnapshot(`./export/${file}`)
    expect((await portsOutside(url)('export', ...args)).stdout).toBe(stdout)
  })

  test('what an empty registry has in the format of each target', async () => {
    const empty = await emptyDatabase()
    await portsOutside(empty)('range', 'create', 'shop', '--size', '10')
    const printed = async (...args: string[]) => {
      const { stdout, status } = await portsOutside(empty)('export', ...args)
      expect(status).toBe(0)
      return stdout.replace(/^# Written by ports export\. .*\n\n?/, '')
    }
    expect(await printed('compose', 'shop')).toBe('services: {}\n')
    expect(await printed('cloudflared')).toBe('ingress:\n  - service: http_status:404\n')
    expect(await printed('prometheus')).toBe('[]\n')
    for (const target of ['caddy', 'traefik', 'nginx']) expect(await printed(target)).toBe('')
  })
})

describe('export says which services are left out', () => {
  test('for want of a name, and how to give one', async () => {
    const { stderr } = await portsOutside(url)('export', 'caddy', 'shop')
    expect(stderr).toBe(
      '1 service without a Cloudflare hostname is left out: shop/db. To give one a name: ' +
        'ports update <project> <service> --cloudflare-hostname <host>\n',
    )
  })

  test('because a proxy for HTTP cannot publish them', async () => {
    for (const target of ['caddy', 'traefik', 'nginx']) {
      const { stderr } = await portsOutside(url)('export', target, 'homelab')
      expect(stderr).toBe('1 service of the type ssh is left out: homelab/shell.\n')
    }
    expect((await portsOutside(url)('export', 'cloudflared', '--hostname', 'nas')).stderr).toBe('')
  })

  test('in JSON with --json', async () => {
    const { stdout, stderr } = await portsOutside(url)('export', 'nginx', 'shop', '--json')
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({
      content: expect.stringContaining('server_name shop.example.com;'),
      services: 3,
      omissions: [{ service: 'shop/db', reason: 'without a Cloudflare hostname' }],
    })
  })
})

describe('a public name', () => {
  test('of several instances of a service leads to the primary one', async () => {
    const { stdout } = await portsOutside(url)('export', 'caddy', 'shop')
    expect(stdout).toContain('127.0.0.1:3101')
    expect(stdout).not.toContain('3111')
    const login = await portsOutside(url)('export', 'caddy', 'shop', '--instance', 'login')
    expect(login.stdout).toContain('shop.example.com {\n\treverse_proxy 127.0.0.1:3111\n}')
    expect(login.stdout).not.toContain('3101')
  })

  test('of several services is refused, because it can lead to only one', async () => {
    const own = await registryToExport()
    await imported(own, 'port,project,service,cloudflareHostname\n4000,blog,web,shop.example.com\n')
    for (const target of ['caddy', 'cloudflared', 'nginx', 'traefik']) {
      const refused = await portsOutside(own)('export', target, '--hostname', 'localhost')
      expect(refused).toMatchObject({ stdout: '', status: 2 })
      expect(refused.stderr).toContain('"shop.example.com", but must be the name of one port')
      expect(refused.stderr).toContain('blog/web')
    }
    expect((await portsOutside(own)('export', 'caddy', 'blog')).status).toBe(0)
  })

  test('has an upstream of its own if names of services differ only in case', async () => {
    const own = await emptyDatabase()
    await imported(
      own,
      'port,project,service,cloudflareHostname\n' +
        '4000,shop,web,shop.example.com\n4001,Shop,web,other.example.com\n',
    )
    const { stdout } = await portsOutside(own)('export', 'nginx')
    const upstreams = [...stdout.matchAll(/^upstream (\S+)/gm)].map(([, name]) => name)
    expect(upstreams).toEqual(['other.example.com', 'shop.example.com'])
  })

  test('has an upstream that no other service has, in this file or another', async () => {
    const own = await emptyDatabase()
    await imported(
      own,
      'port,project,service,cloudflareHostname\n' +
        '4000,a-b,c,one.example.com\n4001,a,b-c,two.example.com\n',
    )
    for (const [project, upstream] of [
      ['a-b', 'a--b-c'],
      ['a', 'a-b--c'],
    ]) {
      const { stdout } = await portsOutside(own)('export', 'nginx', project!)
      expect(stdout).toContain(`upstream ${upstream} {`)
    }
  })

  test('that is too long for nginx as it is gets a notice', async () => {
    const own = await emptyDatabase()
    const long = `${'a'.repeat(35)}.example.com`
    await imported(
      own,
      `port,project,service,cloudflareHostname\n4000,shop,web,${long}\n4001,shop,api,a${long.slice(2)}\n`,
    )
    const { stdout, stderr } = await portsOutside(own)('export', 'nginx')
    expect(stdout).toContain(long)
    expect(stderr).toBe(
      `${long} is longer than nginx allows by default. Add to its http block: ` +
        'server_names_hash_bucket_size 512;\n',
    )
  })

  test('of a service that speaks no HTTP is left out by a proxy for HTTP', async () => {
    const own = await emptyDatabase()
    await imported(
      own,
      'port,project,service,type,cloudflareHostname\n4000,shop,db,Postgres,db.example.com\n',
    )
    const { stdout, stderr } = await portsOutside(own)('export', 'caddy')
    expect(stdout).not.toContain('db.example.com')
    expect(stderr).toBe('1 service of the type postgres is left out: shop/db.\n')
    expect((await portsOutside(own)('export', 'cloudflared')).stdout).toContain(
      'tcp://127.0.0.1:4000',
    )
  })

  test('leads to the port that get prints if the service has several', async () => {
    const own = await registryToExport()
    const ports = portsOutside(own)
    await ports('range', 'add', 'shop', '--start', '3120', '--end', '3129')
    await ports('claim', 'shop', 'api', '3125', '--cloudflare-hostname', 'api.example.com')
    expect((await ports('export', 'caddy', 'shop')).stdout).toContain('127.0.0.1:3125')
    await ports('claim', 'shop', 'api', '3100')
    expect((await ports('export', 'caddy', 'shop')).stdout).toContain('127.0.0.1:3100')
  })

  test('on several hosts is refused for a tunnel, which leads to one', async () => {
    const refused = await portsOutside(url)('export', 'cloudflared')
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain('--hostname must be given')
    expect(refused.stderr).toContain('homelab/media has nas:8096 and pi:8096')
  })
})

describe('export exports', () => {
  const here = () => projectDirectory({ 'ports.json': { project: 'homelab', services: {} } })

  test('the project that a ports.json names, all with --all, and that which is given', async () => {
    const ports = portsIn(here(), url)
    const one = await ports('export', 'nginx')
    expect(one.stdout).toBe((await portsOutside(url)('export', 'nginx', 'homelab')).stdout)
    const all = await ports('export', 'nginx', '--all')
    expect(all.stdout).toBe((await portsOutside(url)('export', 'nginx')).stdout)
    expect((await ports('export', 'nginx', 'shop')).stdout).toContain('shop.example.com')
    expect((await ports('export', 'nginx', 'shop', '--all')).status).toBe(2)
  })

  test('nothing of a project that does not exist', async () => {
    expect(await portsOutside(url)('export', 'caddy', 'nosuch')).toMatchObject({
      stdout: '',
      status: 3,
    })
  })

  test.each([
    [[], 'a target is missing. Choose compose, cloudflared, caddy, traefik, nginx, prom'],
    [['apache'], 'apache is not a target. Choose compose,'],
    [['compose'], "missing required argument 'project'"],
    [['nginx', '--check'], 'check is true, but must be combined with --output'],
    [['nginx', '--template', 'x'], "unknown option '--template'"],
    [['prometheus', '-o', 'x.json'], 'a file whose name does not end with .json'],
    [['compose', 'shop', '--file', '/nonexistent'], '"/nonexistent"'],
  ])('nothing after %j', async (args, message) => {
    const refused = await portsOutside(url)('export', ...args)
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain(message)
  })
})
