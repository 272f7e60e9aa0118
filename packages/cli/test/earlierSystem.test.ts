import { readFileSync } from 'node:fs'
import { CLI, ended, environmentOn, portsOn } from '@ports/testkit'
import { emptyDatabase } from '@ports/testkit/vitest'
import pg from 'pg'
import { beforeEach, describe, expect, test } from 'vitest'

const DOCUMENT = readFileSync(new URL('../../../docs/sharing.md', import.meta.url), 'utf8')

/** The queries of the document, in their order. */
const [RANGES = '', PORTS = ''] = [...DOCUMENT.matchAll(/```sql\n(.+?)```/gs)].map(([, sql]) => sql)

/** The columns of the earlier system's tables that the queries read. */
const EARLIER_TABLES = `
  create table projects (id uuid primary key default gen_random_uuid(), name varchar(255));
  create table port_ranges (
    range_name varchar(255), start_port integer, end_port integer, is_active boolean
  );
  create table port_allocations (
    project_id uuid references projects, port_number integer, service_name varchar(255),
    service_type varchar(100), status varchar(50), hostname varchar(255), protocol varchar(10),
    metadata jsonb default '{}', allocated_at timestamptz
  );
  insert into projects (name) values ('consilio'), ('odin');
  insert into port_ranges values
    ('consilio', 3100, 3199, true), ('odin', 3300, 3399, true), ('gone', 3400, 3499, false);
  insert into port_allocations
  select id, port, service, type, status, 'localhost', 'tcp', metadata::jsonb, at::timestamptz
  from projects
  join (values
    ('consilio', 3101, 'api', null, 'allocated', '{}', '2026-01-02'),
    ('consilio', 3100, 'api', 'http', 'in_use',
      '{"cloudflare_hostname": "api.example.com", "description": "REST, \\"v1\\""}', '2026-01-01'),
    ('consilio', 3102, 'web', null, 'released', '{}', '2026-01-01'),
    ('odin', 3300, 'worker', null, 'allocated', '{}', '2026-01-03')
  ) as held (project, port, service, type, status, metadata, at) on held.project = projects.name;`

let earlier: pg.Client
beforeEach(async () => {
  earlier = new pg.Client({ connectionString: await emptyDatabase() })
  await earlier.connect()
  // The database also has the registry's tables of these names, in another schema.
  await earlier.query(`set search_path = public; ${EARLIER_TABLES}`)
  return () => earlier.end()
})

/** In the format of psql --csv. */
async function csvOf(query: string): Promise<string> {
  const { fields, rows } = await earlier.query({ text: query, rowMode: 'array' })
  const lines = [fields.map(({ name }) => name), ...rows].map((cells: unknown[]) =>
    cells.map((cell) => (cell === null ? '' : `"${String(cell).replaceAll('"', '""')}"`)).join(),
  )
  return `${lines.join('\n')}\n`
}

describe('the ports of the earlier system', () => {
  test('come into a registry by the two queries of the document', async () => {
    const url = await emptyDatabase()
    const ports = portsOn(url)
    const { rows } = await earlier.query({ text: RANGES, rowMode: 'array' })
    expect(rows).toEqual([
      ['consilio', 3100, 3199],
      ['odin', 3300, 3399],
    ])
    for (const [name, start, end] of rows) {
      await ports('range', 'create', name, '--start', `${start}`, '--end', `${end}`)
    }
    const csv = await csvOf(PORTS)
    const script = `printf '%s' "$1" | ${process.execPath} ${CLI} import --format csv`
    const imported = await ended('sh', ['-c', script, 'sh', csv], environmentOn(url))
    expect(imported).toMatchObject({ status: 0 })
    expect(imported.stderr).toContain('Imported 3 ports.')

    expect(await ports('get', 'consilio', 'api')).toEqual({
      stdout: '3100\n',
      stderr: '',
      status: 0,
    })
    const held = JSON.parse((await ports('list', '--json')).stdout)
    expect(held).toMatchObject([
      {
        port: 3100,
        serviceType: 'http',
        description: 'REST, "v1"',
        cloudflareHostname: 'api.example.com',
      },
      { port: 3101, serviceName: 'api' },
      { port: 3300, projectName: 'odin', serviceName: 'worker' },
    ])
    const ranges = JSON.parse((await ports('range', 'list', '--json')).stdout)
    expect(ranges).toHaveLength(2)
  })
})
