import { join } from 'node:path'
import { portsOn } from '@ports/testkit'
import { emptyDatabase, freshDatabase, projectDirectory } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'

function fileOf(name: string, content: string): string {
  return join(projectDirectory({ [name]: content }), name)
}

const CSV = `host,protocol,port,project,service,instance,description
nas,tcp,3000,homelab,grafana,,"Dashboards, graphs"
nas,udp,53,homelab,dns,,
pi,tcp,3000,garden,web,copy,
`
const YAML = `
- { host: nas, protocol: tcp, port: 3000, project: homelab, service: grafana, description: "Dashboards, graphs" }
- { host: nas, protocol: udp, port: 53, project: homelab, service: dns }
- { host: pi, protocol: tcp, port: 3000, project: garden, service: web, instance: copy }
`
const JSON_ROWS = JSON.stringify([
  {
    hostname: 'nas',
    portNumber: 3000,
    projectName: 'homelab',
    serviceName: 'grafana',
    description: 'Dashboards, graphs',
  },
  { host: 'nas', protocol: 'udp', port: 53, project: 'homelab', service: 'dns' },
  { host: 'pi', port: 3000, project: 'garden', service: 'web', instance: 'copy' },
])

const PLAN = [
  '+ nas/tcp 3000 homelab/grafana: becomes a range of homelab',
  '+ nas/udp 53 homelab/dns: becomes a range of homelab',
  '+ pi/tcp 3000 garden/web@copy: becomes a range of garden',
]

describe('import', () => {
  test.each([
    ['services.csv', CSV],
    ['services.yaml', YAML],
    ['services.yml', YAML],
    ['services.json', JSON_ROWS],
  ])(
    'records the rows of %s, a line each, and does nothing the second time',
    async (name, content) => {
      const ports = portsOn(await emptyDatabase())
      const file = fileOf(name, content)
      expect(await ports('import', file)).toEqual({
        stdout: '',
        stderr: [...PLAN, 'Imported 3 ports.', ''].join('\n'),
        status: 0,
      })
      const { stdout } = await ports('list', '--json')
      expect(JSON.parse(stdout)).toMatchObject([
        { port: 53, hostname: 'nas', protocol: 'udp', projectName: 'homelab', serviceName: 'dns' },
        { port: 3000, hostname: 'nas', serviceName: 'grafana', description: 'Dashboards, graphs' },
        { port: 3000, hostname: 'pi', projectName: 'garden', instance: 'copy' },
      ])
      expect((await ports('import', file)).stderr).toContain('Imported 0 ports, 3 held already.')
    },
  )

  test('of a dry run prints the plan and changes nothing', async () => {
    const ports = portsOn(await emptyDatabase())
    expect(await ports('import', '--dry-run', fileOf('services.csv', CSV))).toEqual({
      stdout: '',
      stderr: [...PLAN, 'Would import 3 ports.', ''].join('\n'),
      status: 0,
    })
    expect((await ports('range', 'list')).stderr).toBe('No project has a range.\n')
  })

  test('of rows that collide imports none and names both sides, or the others on request', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('claim', 'consilio', 'api', '3105')
    const file = fileOf(
      'services.csv',
      'project,service,port\nconsilio,web,3105\nmine,web,3200\nmine,api,20000\n',
    )
    const refused = await ports('import', file)
    expect(refused).toMatchObject({ stdout: '', status: 4 })
    expect(refused.stderr).toContain('2 of 3 rows cannot be imported, so none was.')
    expect(refused.stderr).toContain(
      '! localhost/tcp 3105 consilio/web: consilio/api has held port 3105',
    )
    expect(refused.stderr).toContain(
      '! localhost/tcp 3200 mine/web: 3200 would overlap 3200-3299 of openhorizon.',
    )
    expect(JSON.parse((await ports('list', '--json')).stdout)).toHaveLength(1)

    const skipped = await ports('import', '--skip-conflicts', file, '--json')
    expect(skipped.status).toBe(0)
    expect(JSON.parse(skipped.stdout)).toMatchObject({
      claimed: 1,
      held: 0,
      conflicts: 2,
      changed: true,
      rows: [
        { port: 3105, outcome: 'conflict', conflict: { code: 'PORT_TAKEN' } },
        { port: 3200, outcome: 'conflict', conflict: { code: 'RANGE_OVERLAP' } },
        { port: 20_000, outcome: 'claimed', createsRange: true },
      ],
    })
  })

  test.each([
    ['rows.json', '{', 'format is "json"'],
    ['rows.json', '{"project":"a"}', 'must be a list of rows'],
    ['rows.csv', 'project,service,colour\na,b,red\n', 'column is "colour"'],
    ['rows.csv', 'project,service,port\na,b,x\n', 'rows.csv, line 2, port is "x"'],
    ['rows.csv', 'project,service\na,b\n', 'rows.csv, line 2, port is undefined'],
    ['rows.csv', 'port,project,service\n1,a,b\n\n\n2,a,"b\nc"\n', 'line 5, service is "b'],
    ['rows.csv', 'port,service,project\r\n1,b,a\r\n\r\n0,b,a\r\n', 'line 4, port is 0'],
    [
      'rows.json',
      '[{"project":"a","service":"b","port":1},{}]',
      'json, row 2, project is undefined',
    ],
    ['rows.yaml', '- { project: a, service: b, port: 0 }', 'rows.yaml, row 1, port is 0'],
    ['rows.csv', 'project,service,port,port\na,b,1,2\n', 'line 1, column 4 is "port", but must be'],
    ['rows.csv', 'host,port,hostname\na,1,b\n', 'left out: column 1, host, says the same'],
    ['rows.json', '[{"port":1,"portNumber":2}]', 'row 1, column 2 is "portNumber"'],
    ['rows.csv', 'project,servce,port\n', 'column is "servce"'],
    ['rows.csv', 'project,service,port\n', 'must be a list of rows, and not empty'],
    ['rows.csv', 'hello', 'column is "hello"'],
    ['rows.json', '', 'format is "json"'],
    ['rows.yaml', '- 3000', 'row 1 is 3000'],
  ])('refuses %s with %j, and says where', async (name, content, message) => {
    const ports = portsOn(await emptyDatabase())
    const refused = await ports('import', fileOf(name, content))
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain(message)
  })

  test('names the rows of the file that collide with each other', async () => {
    const ports = portsOn(await emptyDatabase())
    const file = fileOf('rows.csv', 'project,service,port\na,one,3000\na,two,3000\na,one,3000\n')
    const refused = await ports('import', file)
    expect(refused).toMatchObject({ stdout: '', status: 4 })
    expect(refused.stderr).toContain('1 of 3 rows cannot be imported')
    expect(refused.stderr).toContain(
      'a/two: Line 2 gives this port to a/one. Remove one of the two. (line 3)\n',
    )
    expect((await ports('import', '--skip-conflicts', file)).stderr).toContain(
      'Imported 1 port, 1 held already, 1 conflict skipped.',
    )
  })

  test('says how many rows collide, and names fifty of them', async () => {
    const ports = portsOn(await freshDatabase())
    const rows = Array.from({ length: 60 }, (_, nth) => `mine,service-${nth},${3200 + nth}\n`)
    const file = fileOf('rows.csv', `project,service,port\n${rows.join('')}`)
    const refused = await ports('import', file)
    expect(refused).toMatchObject({ stdout: '', status: 4 })
    expect(refused.stderr).toContain('60 of 60 rows cannot be imported')
    expect(refused.stderr.match(/^! localhost.*\(line \d+\)$/gm)).toHaveLength(50)
    expect(refused.stderr).toContain('(line 51)\n… and 10 more.\n')
    const { error } = JSON.parse((await ports('import', file, '--json')).stderr)
    expect(error.details).toMatchObject({ conflicts: 60, rows: { length: 50 } })
    expect(error.details.rows[1]).toMatchObject({ port: 3201, place: 'line 3' })
  })

  test('tells which rows change what get answers, and does so', async () => {
    const ports = portsOn(await freshDatabase())
    await ports('get', 'consilio', 'web')
    const file = fileOf('rows.csv', 'project,service,port\nconsilio,web,3150\n')
    const plan = '+ localhost/tcp 3150 consilio/web: get will return it '
    expect((await ports('import', '--dry-run', file)).stderr).toContain(`${plan}instead of 3100\n`)
    expect((await ports('get', 'consilio', 'web')).stdout).toBe('3100\n')
    expect((await ports('import', file)).stderr).toContain(`${plan}instead of 3100\n`)
    expect((await ports('get', 'consilio', 'web')).stdout).toBe('3150\n')
    await ports('claim', 'consilio', 'web', '3100')
    const described = fileOf(
      'rows.csv',
      'project,service,port,description\nconsilio,web,3150,Shop\n',
    )
    expect((await ports('import', described)).stderr).toBe(
      '~ localhost/tcp 3150 consilio/web: get will return it instead of 3100; missing metadata is ' +
        'added\n' +
        'Imported 0 ports, 1 held already, 1 of them changed.\n',
    )
    expect((await ports('get', 'consilio', 'web')).stdout).toBe('3150\n')
  })

  test('hints at whose number it is where the first collision is with a range', async () => {
    const ports = portsOn(await freshDatabase())
    const refused = await ports('import', fileOf('rows.csv', 'project,service,port\nmine,a,3205\n'))
    expect(refused.status).toBe(4)
    expect(refused.stderr).toContain('3205 would overlap 3200-3299 of openhorizon')
    expect(refused.stderr).toContain('To see who owns which numbers: ports range list')
  })

  test('makes ranges for every host before those of one host', async () => {
    const ports = portsOn(await emptyDatabase(), { PORTS_HOSTNAME: 'anna' })
    const file = fileOf('rows.csv', 'host,project,service,port\nnas,a,web,3000\n,a,web,3000\n')
    expect((await ports('import', file)).stderr).toContain('Imported 2 ports.')
    expect(JSON.parse((await ports('range', 'list', '--json')).stdout)).toEqual([
      { projectName: 'a', startPort: 3000, endPort: 3000 },
    ])
  })

  test('reads CSV with a byte order mark and CRLF', async () => {
    const ports = portsOn(await emptyDatabase())
    const file = fileOf('rows.csv', '\uFEFFproject,service,port\r\na,web,3000\r\n')
    expect((await ports('import', file)).stderr).toContain('Imported 1 port.')
  })

  test('refuses a file that does not exist', async () => {
    const ports = portsOn(await emptyDatabase())
    expect(await ports('import', '/nonexistent/rows.csv')).toMatchObject({
      stderr: expect.stringContaining('"/nonexistent/rows.csv"'),
      status: 2,
    })
  })
})

describe('dump and load', () => {
  test('take a registry to another database', async () => {
    const here = portsOn(await freshDatabase())
    await here('get', 'consilio', 'api', '--description', 'REST API')
    await here('claim', 'consilio', 'web', '3105')
    await here('range', 'add', 'homelab', '--start', '8096', '--hostname', 'nas')
    const { stdout, status } = await here('dump')
    expect(status).toBe(0)
    const file = fileOf('registry.json', stdout)

    const there = portsOn(await freshDatabase())
    const loaded = await there('load', file)
    expect(loaded, loaded.stderr).toMatchObject({ stdout: '', status: 0 })
    expect(loaded.stderr).toMatch(/^Loaded 8 ranges, 2 allocations, \d+ events\.\n$/)
    for (const question of [['list'], ['range', 'list']]) {
      const answers = await Promise.all([here, there].map((ports) => ports(...question, '--json')))
      expect(answers[1]).toEqual(answers[0])
    }
    expect((await there('get', 'consilio', 'web')).stdout).toBe('3105\n')
    // What was loaded can be dumped and loaded in turn.
    const again = fileOf('registry.json', (await there('dump')).stdout)
    const beyond = portsOn(await freshDatabase())
    const reloaded = await beyond('load', again)
    expect(reloaded, reloaded.stderr).toMatchObject({ status: 0 })
    expect((await beyond('list', '--json')).stdout).toBe((await there('list', '--json')).stdout)
    expect(await there('load', file)).toMatchObject({
      stderr: expect.stringContaining('The registry holds 2 ports'),
      status: 4,
    })
  })

  test('refuse a file that is not a dump', async () => {
    const ports = portsOn(await emptyDatabase())
    for (const [content, message] of [
      ['{', 'what ports dump wrote'],
      ['{"format":"ports-registry","version":2}', 'document.version is 2'],
      ['[]', 'document is []'],
    ] as const) {
      expect(await ports('load', fileOf('registry.json', content))).toMatchObject({
        stderr: expect.stringContaining(message),
        status: 2,
      })
    }
  })
})
