import { portsIn } from '@ports/testkit'
import { emptyDatabase, projectDirectory } from '@ports/testkit/vitest'
import { beforeAll, describe, expect, test } from 'vitest'
import { imported } from './exported.js'

let url: string
beforeAll(async () => {
  url = await emptyDatabase()
  await imported(
    url,
    `host,protocol,port,project,service,instance
,tcp,3101,shop,web,
,tcp,3102,shop,api,
,tcp,3103,shop,api,
,udp,3102,shop,dns,
,tcp,3105,shop,job,
,tcp,3111,shop,web,login
nas,tcp,3120,shop,web,
`,
  )
})

/** What `export compose` makes of a Compose file with one service that lists these ports. */
async function overlay(service: string, ...ports: string[]) {
  const file = ['services:', `  ${service}:`, '    ports:', ...ports.map((port) => `      ${port}`)]
  const directory = projectDirectory({ 'compose.yaml': `${file.join('\n')}\n` })
  return portsIn(directory, url, { WEB: '8080' })('export', 'compose', 'shop')
}

const list = (...lines: string[]) =>
  ['    ports: !override', ...lines.map((it) => `      ${it}`), ''].join('\n')

describe('export compose', () => {
  test.each([
    ['web', ['- "8080:80"'], ['- "3101:80"']],
    ['web', ['- "80"'], ['- "3101:80"']],
    ['web', ['- 127.0.0.1:8080:80/tcp'], ['- "127.0.0.1:3101:80"']],
    ['web', ['- "[::1]:8080:80"'], ['- "[::1]:3101:80"']],
    [`web`, [`- "\${WEB}:80"`], ['- "3101:80"']],
    ['web', ['- "3101:80"', '- "8443:443"'], ['- "3101:80"', '- "8443:443"']],
    [`web`, [`- "\${UNSET}:80"`], ['- "3101:80"']],
    [`web`, [`- { target: 80, published: "\${UNSET}" }`], ['- target: 80', '  published: 3101']],
    [`web`, ['- "8080:80"', `- "\${UNSET}:81/udp"`], ['- "3101:80"', `- "\${UNSET}:81/udp"`]],
    ['web', ['- "9000-9001:9000-9001"'], ['- "9000-9001:9000-9001"', '- "127.0.0.1:3101:3101"']],
    ['web', ['- "3100-3101:80-81"'], ['- "3100-3101:80-81"']],
    ['web', [], ['- "127.0.0.1:3101:3101"']],
    ['api', ['- "3102:80"', '- "8443:443"'], ['- "3102:80"', '- "3103:443"']],
    ['dns', ['- "53:53/udp"', '- "53:53"'], ['- "3102:53/udp"', '- "53:53"']],
    [
      'web',
      ['- { target: 80, published: "8080", mode: host, name: http }'],
      ['- target: 80', '  published: 3101', '  mode: "host"', '  name: "http"'],
    ],
  ])('keeps what %s lists as %j beside the number', async (service, ports, expected) => {
    const { stdout, status } = await overlay(service, ...ports)
    expect(status).toBe(0)
    expect(stdout.split(`  ${service}:\n`)[1]).toBe(list(...expected))
  })

  test('leaves out services whose container ports are not clear, or that do not exist', async () => {
    const { stdout, stderr, status } = await overlay('api', '- "8080:80"', '- "8443:443"')
    expect({ stdout: stdout.split('\n\n')[1], status }).toEqual({
      stdout: 'services: {}\n',
      status: 0,
    })
    expect(stderr).toBe(
      'The container ports come from compose.yaml.\n' +
        '1 service whose container ports are not clear from compose.yaml is left out: shop/api.\n' +
        '3 services that compose.yaml does not list are left out: shop/dns, shop/job, shop/web.\n',
    )
  })

  test('leaves out a service if a port that it lists cannot be read', async () => {
    const { stderr } = await overlay('web', `- "\${PORT:?}:80"`)
    expect(stderr).toContain(
      '1 service whose container ports are not clear from compose.yaml is left',
    )
  })

  test('leaves out a service that uses the network of the host', async () => {
    const directory = projectDirectory({
      'other.yaml': 'services: { job: { network_mode: host }, web: {} }',
    })
    const { stdout, stderr } = await portsIn(
      directory,
      url,
    )(...['export', 'compose', 'shop', '--file', 'other.yaml'])
    expect(stdout).toContain(`  web:\n${list('- "127.0.0.1:3101:3101"')}`)
    expect(stderr).toContain(
      '1 service without published ports in other.yaml is left out: shop/job.',
    )
  })

  test('exports the instance of the directory, or the one that is given, on this host', async () => {
    const directory = projectDirectory({ 'ports.json': { project: 'shop', services: {} } })
    const ports = portsIn(directory, url)
    const webOf = async (...args: string[]) => {
      const { stdout, stderr } = await ports('export', 'compose', ...args)
      return /web:\n {4}ports: !override\n {6}(.*)/.exec(stdout)?.[1] ?? stderr
    }
    expect(await webOf()).toBe('- "127.0.0.1:3101:3101"')
    expect(await webOf('--instance', 'login')).toBe('- "127.0.0.1:3111:3111"')
    expect(await webOf('--hostname', 'nas')).toBe('- "127.0.0.1:3120:3120"')
    expect(await webOf('shop')).toBe('- "127.0.0.1:3101:3101"')
  })

  test('writes a file whose ports import --compose knows', async () => {
    const directory = projectDirectory({})
    const ports = portsIn(directory, url)
    await ports('export', 'compose', 'shop', '-o', 'compose.override.yaml')
    const args = ['--compose', 'compose.override.yaml', '--project', 'shop', '--json']
    const { stdout } = await ports('import', '--dry-run', ...args)
    expect(JSON.parse(stdout)).toMatchObject({ claimed: 0, held: 5, conflicts: 0, notes: [] })
  })
})
