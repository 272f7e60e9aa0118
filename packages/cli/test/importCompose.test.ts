import { CLI, ended, environmentOn, portsIn } from '@ports/testkit'
import { emptyDatabase, projectDirectory } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'
import { importPlan } from './importPlan.js'

/** A Compose file with one service that has these lines under `ports`. The first is line 4. */
const withPorts = (...lines: string[]) =>
  ['services:', '  web:', '    ports:', ...lines.map((line) => `      ${line}`)].join('\n')

const plan = (content: string, more: Readonly<Record<string, string>> = {}, files = {}) =>
  importPlan(
    { 'compose.yaml': content, ...files },
    ['--compose', 'compose.yaml', '--project', 'shop'],
    more,
  )

describe('import --compose', () => {
  test.each([
    ['- "8000:8000"', ['tcp 8000']],
    ['- "127.0.0.1:8080:8080/tcp"', ['tcp 8080']],
    ['- 5900:5900/tcp', ['tcp 5900']],
    ['- 53:53/udp', ['udp 53']],
    ['- "9090-9091:8080-8081"', ['tcp 9090', 'tcp 9091']],
    ['- "[::1]:8080:80"', ['tcp 8080']],
    [`- '\${HOST:-127.0.0.1}:\${PORT:-3001}:3001' # note`, ['tcp 3001']],
    [`- "\${PORT-3002}:3001"`, ['tcp 3002']],
    [`- "\${HOST:+x}3003:3001"`, ['tcp 3003']],
    [`- "\${A:-\${B:-3004}}:3001"`, ['tcp 3004']],
    ['- { target: 80, published: 8080 }', ['tcp 8080']],
    ['- { target: 80, published: "8080", host_ip: 127.0.0.1, mode: host }', ['tcp 8080']],
    [`- { target: 53, published: "\${PORT:-53}", protocol: udp }`, ['udp 53']],
    ['- { target: 80-81, published: 8080-8081 }', ['tcp 8080', 'tcp 8081']],
  ])('imports the host ports of %s', async (line, expected) => {
    const { rows, notes } = await plan(withPorts(line))
    expect(notes).toEqual([])
    expect(rows).toEqual(expected.map((port) => `+ localhost/${port} shop/web`))
  })

  test.each([
    ['- "3000"', '3000 has a random host port'],
    ['- 3363', '3363 has a random host port'],
    ['- "3000-3005"', '3000-3005 has a random host port'],
    ['- 127.0.0.1::80/tcp', '127.0.0.1::80/tcp has a random host port'],
    ['- "0:80"', '0:80 has a random host port'],
    ['- { target: 80, protocol: tcp }', '80 has a random host port'],
    ['- 53/udp:53/udp', '53/udp:53/udp has a protocol in the middle; only the end may have one'],
    [
      '- "389/tcp:389/tcp"',
      '389/tcp:389/tcp has a protocol in the middle; only the end may have one',
    ],
    ['- 127.0.0.1:6789-6799:8080', '127.0.0.1:6789-6799:8080 can be any one of 11 host ports'],
    ['- { target: 80, published: 8080-8089 }', '8080-8089 can be any one of 10 host ports'],
    ['- "8080-8082:80-81"', '8080-8082:80-81 has 3 host ports for 2 container ports'],
    ['- "127.0.0.180:80"', '127.0.0.180:80 has an address but no host port'],
    [
      '- "127:0.0.1:8000:80"',
      '127:0.0.1:8000:80 begins with 127:0.0.1, which is not an IP address',
    ],
    ['- "70000:80"', '70000:80 has 70000 where a host port is expected'],
    ['- 0x50:80', '0x50:80 has 0x50 where a host port is expected'],
    ['- "80:80/sctp"', '80:80/sctp has the protocol sctp'],
    [`- "\${PORT}:80"`, 'PORT is not set'],
    [`- "\${PORT?which one}:80"`, 'PORT is not set (which one)'],
    ['- "$$PORT:80"', '$PORT:80 has $PORT where a host port is expected'],
  ])('imports nothing of %s, and says why', async (line, reason) => {
    expect(await plan(withPorts(line))).toEqual({
      rows: [],
      notes: [`- compose.yaml, line 4: ${reason}: nothing to import`],
      total: 'Nothing to import.',
    })
  })

  test('reads 22:22 without quotes as it is written, and says so', async () => {
    const { rows, notes } = await plan(withPorts('- 22:22', '- "23:23"'))
    expect(rows).toEqual(['+ localhost/tcp 22 shop/web', '+ localhost/tcp 23 shop/web'])
    expect(notes).toEqual([
      '- compose.yaml, line 4: 22:22 is read as it is written. Without quotes, YAML 1.1 reads it as one ' +
        'number in base 60',
    ])
  })

  test('takes variables from the environment, else from .env beside the file', async () => {
    const content = withPorts(`- "\${WEB_PORT:-1}:80"`, `- "\${API_PORT:-2}:80"`)
    const beside = { '.env': 'WEB_PORT=3100\r\nexport API_PORT="3200" # x\r\n' }
    const { rows } = await plan(content, { WEB_PORT: '3300' }, beside)
    expect(rows).toEqual(['+ localhost/tcp 3300 shop/web', '+ localhost/tcp 3200 shop/web'])
    const odd = await plan(content, { WEB_PORT: '3300' }, { '.env/x': '' })
    expect(odd.rows).toEqual(['+ localhost/tcp 3300 shop/web', '+ localhost/tcp 2 shop/web'])
  })

  test('keeps the name and the application protocol of a port', async () => {
    const content = withPorts('- { target: 80, published: 8080, name: admin, app_protocol: http }')
    const ports = portsIn(projectDirectory({ 'c.yml': content }), await emptyDatabase())
    await ports('import', '--compose', 'c.yml', '--project', 'shop')
    expect(JSON.parse((await ports('list', 'shop', '--json')).stdout)).toMatchObject([
      { port: 8080, serviceName: 'web', serviceType: 'http', description: 'admin' },
    ])
  })

  test('reads merged fields and the services of every profile', async () => {
    const content = [
      'x-web: &web { ports: ["8088:80"] }',
      'services:',
      '  web: &self { <<: [*web, *self] }',
      '  tools: { profiles: [debug], ports: ["9000:9000"] }',
    ].join('\n')
    expect((await plan(content)).rows).toEqual([
      '+ localhost/tcp 8088 shop/web',
      '+ localhost/tcp 9000 shop/tools',
    ])
  })

  test('reads a file that merges without end, and refuses one that merges too much', async () => {
    const twice = (nth: number) => `x${nth}: &x${nth} { <<: [*x${nth - 1}, *x${nth - 1}] }`
    const bomb = [
      'x0: &x0 { ports: ["8088:80"] }',
      ...Array.from({ length: 40 }, (_, nth) => twice(nth + 1)),
      'services: { web: { <<: *x40 } }',
    ]
    expect((await plan(bomb.join('\n'))).rows).toEqual(['+ localhost/tcp 8088 shop/web'])
    const many = [
      'x: &x',
      ...Array.from({ length: 2000 }, (_, nth) => `  f${nth}: 1`),
      'services:',
      ...Array.from({ length: 2000 }, (_, nth) => `  s${nth}: { <<: *x }`),
    ]
    const { total } = await plan(many.join('\n'))
    expect(total).toContain('but must be YAML that merges at most 1000000 fields.')
  })

  test('refuses a file that is nested too deeply, and takes no such variable', async () => {
    const deep = 100_000
    const brackets = `services: ${'['.repeat(deep)}${']'.repeat(deep)}`
    expect((await plan(brackets)).total).toContain('must be YAML')
    const variable = `\${A:-`.repeat(deep) + '}'.repeat(deep)
    const { rows, notes } = await plan(withPorts(`- "${variable}:80"`))
    expect(rows).toEqual([])
    expect(notes).toEqual([
      '- compose.yaml, line 4: A has defaults that are nested too deeply: nothing to import',
    ])
  })

  test('says which ports depend on other files or on the network', async () => {
    const content = [
      'include: [other.yaml]',
      'services:',
      '  web:',
      '    extends: { file: base.yaml, service: web }',
      '    expose: ["3000"]',
      '    ports: ["8000:8000"]',
      '  host:',
      '    network_mode: host',
      '    ports: ["80:80"]',
    ].join('\n')
    const { rows, notes } = await plan(content, {}, { 'compose.override.yaml': 'services: {}' })
    const include = (what: string) =>
      `To include ${what}, import the output of "docker compose config --format json"`
    expect(rows).toEqual(['+ localhost/tcp 8000 shop/web'])
    expect(notes).toEqual([
      `- compose.yaml, line 1: include: other files are not read. ${include('them')}`,
      `- compose.yaml, line 1: compose.override.yaml beside it is not read. ${include('it')}`,
      `- compose.yaml, line 4: web extends a service whose ports are not read. ${include('them')}`,
      '- compose.yaml, line 5: expose of web applies only to its own network: nothing to import',
      '- compose.yaml, line 8: host has network_mode host, so its program chooses its ports: nothing to import',
    ])
  })

  test('names the project after the directory, else as the file does, else asks for it', async () => {
    const content = `name: Blog\n${withPorts('- "8000:80"')}`
    const planIn = (files: Readonly<Record<string, string | object>>, args: string[] = []) =>
      importPlan(files, ['--compose', 'compose.yaml', ...args])
    const named = { 'compose.yaml': content, 'ports.json': { project: 'shop' } }
    expect((await planIn(named)).rows).toEqual(['+ localhost/tcp 8000 shop/web'])
    expect((await planIn(named, ['--project', 'garden'])).rows[0]).toContain('garden/web')
    expect((await planIn({ 'compose.yaml': content })).rows[0]).toContain('Blog/web')
    expect(
      (await planIn({ 'compose.yaml': content, '.env': 'COMPOSE_PROJECT_NAME=b' })).rows,
    ).toEqual(['+ localhost/tcp 8000 b/web'])
    const unnamed = await planIn({ 'compose.yaml': withPorts('- "8000:80"') })
    expect(unnamed.total).toContain('--project must be given, because nothing in')
  })

  test('reads what docker compose config --format json prints', async () => {
    const directory = projectDirectory({})
    const url = await emptyDatabase()
    const published = { mode: 'ingress', target: 80, published: '8080', protocol: 'tcp' }
    const config = { name: 'blog', services: { web: { ports: [published] } } }
    const args = [CLI, 'import', '--compose', '-', '--json']
    const input = JSON.stringify(config, null, 2)
    const { stdout } = await ended(process.execPath, args, environmentOn(url), directory, input)
    expect(JSON.parse(stdout)).toMatchObject({
      claimed: 1,
      rows: [{ projectName: 'blog', serviceName: 'web', port: 8080, protocol: 'tcp' }],
      notes: [],
    })
  })

  test('reads a pipe, which is in the directory of the command', async () => {
    const directory = projectDirectory({
      'compose.yaml': withPorts('- "8000:80"'),
      'ports.json': { project: 'blog' },
    })
    const line = 'cat compose.yaml | "$0" "$@"'
    const args = ['import', '--compose', '/dev/stdin', '--dry-run']
    const environment = environmentOn(await emptyDatabase())
    const command = ['-c', line, process.execPath, CLI, ...args]
    const { stderr } = await ended('sh', command, environment, directory)
    expect(stderr).toContain('+ localhost/tcp 8000 blog/web')
  })

  test('names both lines if two services have the same host port, and imports neither', async () => {
    const content = 'services:\n  web:\n    ports: ["80:80"]\n  api:\n    ports: ["80:81"]\n'
    const directory = projectDirectory({ 'compose.yaml': content })
    const ports = portsIn(directory, await emptyDatabase())
    const refused = await ports('import', '--compose', 'compose.yaml', '--project', 'shop')
    expect(refused.status).toBe(4)
    expect(refused.stderr).toContain('Line 3 gives this port to shop/web.')
  })

  test.each([
    [['--compose', 'compose.yaml', 'rows.csv'], 'give a file, or --compose'],
    [['--compose', 'compose.yaml', '--format', 'csv'], "cannot be used with option '--format"],
    [['rows.csv', '--project', 'shop'], 'each row names its project'],
    [['--compose', 'missing.yaml'], '"missing.yaml"'],
    [['--compose', 'broken.yaml'], 'must be YAML'],
    [['--compose', 'list.yaml'], 'must be a Compose file'],
  ])('refuses %j', async (args, message) => {
    const files = {
      'compose.yaml': withPorts('- "1:1"'),
      'broken.yaml': 'a: [',
      'list.yaml': '- 1',
    }
    const ports = portsIn(projectDirectory(files), await emptyDatabase())
    const refused = await ports('import', ...args)
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain(message)
  })
})
