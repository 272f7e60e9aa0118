import { portsIn } from '@ports/testkit'
import { emptyDatabase, projectDirectory } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'
import { importPlan } from './importPlan.js'

const ARGS = ['--cloudflared', 'config.yml', '--project', 'shop']
const plan = (content: string) => importPlan({ 'config.yml': content }, ARGS)
/** The first rule is on line 3. */
const ingress = (...rules: string[]) =>
  `tunnel: 6ff42ae2\ningress:\n${rules.map((rule) => `  - { ${rule} }\n`).join('')}  - service: http_status:404\n`

describe('import --cloudflared', () => {
  test('imports the services of this host with their hostnames', async () => {
    const content = ingress(
      'hostname: app.example.com, service: "http://localhost:80"',
      'hostname: ssh.example.com, service: "ssh://127.0.0.1:22"',
      'hostname: db.example.com, service: "tcp://[::1]:5432"',
      'hostname: desk.example.com, service: "rdp://localhost:3389"',
      'hostname: "*.wild.example.com", service: "https://localhost:8443"',
    )
    const ports = portsIn(projectDirectory({ 'config.yml': content }), await emptyDatabase())
    const { stderr } = await ports('import', ...ARGS)
    expect(stderr).not.toMatch(/^- /m)
    expect(JSON.parse((await ports('list', 'shop', '--json')).stdout)).toMatchObject([
      { port: 22, serviceName: 'ssh', serviceType: 'ssh', cloudflareHostname: 'ssh.example.com' },
      { port: 80, serviceName: 'app', serviceType: 'http', cloudflareHostname: 'app.example.com' },
      { port: 3389, serviceName: 'desk', serviceType: 'rdp' },
      { port: 5432, serviceName: 'db', serviceType: 'tcp' },
      { port: 8443, serviceName: 'wild', cloudflareHostname: '*.wild.example.com' },
    ])
  })

  test.each([
    ['hostname: a.x.com, service: "unix:/run/a.sock"', 'unix:/run/a.sock is a Unix socket'],
    ['hostname: a.x.com, service: bastion', 'bastion is not a port of this host'],
    ['hostname: a.x.com, service: "http://localhost"', 'http://localhost names no port'],
    [
      'hostname: a.x.com, service: "http://localhost:0"',
      'http://localhost:0 has no port from 1 to 65535',
    ],
    [
      'hostname: a.x.com, service: "http://local-service:8080"',
      'http://local-service:8080 is on another host, or in a container of that name',
    ],
    [
      'service: "http://localhost:8080"',
      'http://localhost:8080 has no hostname to name the service after',
    ],
  ])('imports nothing of %j, and says why', async (rule, reason) => {
    expect(await plan(ingress(rule))).toEqual({
      rows: [],
      notes: [`- config.yml, line 3: ${reason}: nothing to import`],
      total: 'Nothing to import.',
    })
  })

  test('says nothing about rules that cloudflared answers itself', async () => {
    const content = ingress('hostname: a.x.com, service: hello_world')
    expect(await plan(content)).toEqual({ rows: [], notes: [], total: 'Nothing to import.' })
  })

  test('gives a port to the first of several hostnames', async () => {
    const { rows, notes } = await plan(
      ingress(
        'hostname: a.x.com, service: "http://localhost:3000"',
        'hostname: b.x.com, service: "http://localhost:3000"',
      ),
    )
    expect(rows).toEqual(['+ localhost/tcp 3000 shop/a'])
    expect(notes).toEqual([
      '- config.yml, line 4: b.x.com also uses 3000, which is the port of a (line 3): nothing to import',
    ])
  })

  test('distinguishes the paths of a hostname, and hostnames with the same first label', async () => {
    const { rows, notes } = await plan(
      ingress(
        String.raw`hostname: a.x.com, path: '^/api/v\d', service: "http://localhost:4000"`,
        String.raw`hostname: a.x.com, path: '\.png$', service: "http://localhost:3000"`,
        'hostname: a.x.com, service: "http://localhost:3000"',
        'hostname: a.y.com, service: "http://localhost:5000"',
      ),
    )
    expect(notes).toEqual([])
    expect(rows).toEqual([
      '+ localhost/tcp 4000 shop/a-api-v-d',
      '+ localhost/tcp 3000 shop/a',
      '+ localhost/tcp 5000 shop/a.y.com',
    ])
  })

  test('reads a file without rules', async () => {
    const one = await plan('url: http://localhost:3000\nhostname: app.example.com\n')
    expect(one.rows).toEqual(['+ localhost/tcp 3000 shop/app'])
    expect((await plan('url: http://localhost:3000\n')).notes).toEqual([
      '- config.yml, line 1: http://localhost:3000 has no hostname to name the service after: nothing to import',
    ])
    expect((await plan('tunnel: 6ff42ae2\n')).notes).toEqual([
      '- config.yml, line 1: without ingress or url, cloudflared connects to http://localhost:8080: nothing to import',
    ])
  })
})
