import { PortManager, type PortRepository } from '@ports/core'
import { emptyDatabase, sql, unmigratedDatabase } from '@ports/testkit/vitest'
import { describe, expect, it } from 'vitest'
import { databaseStatus, grantAccess, migrate, openRepository, seed } from '../../src/index.js'
import { ending, numbers, Session } from '../sessions.js'

/** Has no right except to create in `public`, as every role may on PostgreSQL 14. */
const STRANGER = 'stranger'

const TEXTS = ['varchar', 'text', 'name', 'bpchar']
const TYPES = [
  ...TEXTS,
  ...['int4', 'int8', 'json', 'jsonb', 'xid8', 'tid', 'timestamptz'],
  ...['text[]', 'varchar[]', 'int8[]'],
]
const COMPARISONS = ['=', '<>', '<', '<=', '>', '>=', '~', '!~', '?', '&&', '@>']
const OPERATORS = ['||', '+', '-', '*', '/', '&', '<<', '->', '->>']

/** Functions that the registry calls, with arguments that are not exactly theirs. */
const FUNCTIONS = [
  ...['lower', 'hashtext', 'btrim', 'split_part', 'regexp_replace', 'to_json', 'to_jsonb', 'min'],
  ...['max', 'count', 'array_agg', 'json_agg', 'sum', 'unnest', 'cardinality', 'array_length'],
  ...['jsonb_array_length', 'jsonb_build_object', 'json_build_object', 'jsonb_strip_nulls'],
  ...['num_nonnulls', 'generate_series', 'now', 'clock_timestamp', 'random', 'floor', 'pg_sleep'],
  ...['current_setting', 'pg_blocking_pids', 'pg_cancel_backend', 'int4range', 'host', 'nullif'],
]

/** As the stranger: each raises an exception when it is called. */
async function plant(url: string): Promise<void> {
  await sql(
    url,
    `do $$ begin
       if not exists (select from pg_roles where rolname = '${STRANGER}') then
         create role ${STRANGER};
       end if;
     exception when duplicate_object or unique_violation then
     end $$`,
  )
  await sql(
    url,
    `grant create, usage on schema public to ${STRANGER};
     set role ${STRANGER};
     do $plant$
     declare
       v_left text;
       v_right text;
       v_operator text;
       v_name text;
       v_body text := $body$begin
         raise exception 'an object of the stranger was resolved' using errcode = 'ZZZZZ';
       end$body$;
     begin
       foreach v_left in array '${pgArray(TYPES)}'::text[] loop
         foreach v_right in array '${pgArray(TYPES)}'::text[] loop
           execute format(
             'create function public.compare(%s, %s) returns boolean language plpgsql as %L',
             v_left, v_right, v_body
           );
           execute format(
             'create function public.combine(%s, %s) returns %s language plpgsql as %L',
             v_left, v_right, v_left, v_body
           );
           foreach v_operator in array '${pgArray(COMPARISONS)}'::text[] loop
             execute format(
               'create operator public.%s (leftarg = %s, rightarg = %s, function = public.compare)',
               v_operator, v_left, v_right
             );
           end loop;
           foreach v_operator in array '${pgArray(OPERATORS)}'::text[] loop
             execute format(
               'create operator public.%s (leftarg = %s, rightarg = %s, function = public.combine)',
               v_operator, v_left, v_right
             );
           end loop;
         end loop;
         foreach v_name in array '${pgArray(FUNCTIONS)}'::text[] loop
           execute format(
             'create function public.%I(%s) returns %s language plpgsql as %L',
             v_name, v_left, v_left, v_body
           );
         end loop;
         foreach v_right in array '${pgArray(TEXTS)}'::text[] loop
           continue when not v_left = any ('${pgArray(TEXTS)}');
           foreach v_name in array '${pgArray(FUNCTIONS)}'::text[] loop
             execute format(
               'create function public.%I(%s, %s) returns %s language plpgsql as %L',
               v_name, v_left, v_right, v_left, v_body
             );
           end loop;
         end loop;
       end loop;
     end
     $plant$;
     -- Types, and a cast that is taken without being asked for.
     create type public.trap as (value text);
     create function public.trapped(varchar) returns public.trap language plpgsql as $body$begin
       raise exception 'a cast of the stranger was resolved' using errcode = 'ZZZZZ';
     end$body$;
     create cast (varchar as public.trap) with function public.trapped(varchar) as implicit;
     create domain public.jsonb as text check (false);
     create domain public.xid8 as text check (false);
     create table public.port_allocations (status text);
     create table public.port_ranges (project_name text);
     create table public.projects (name text);
     reset role`,
  )
}

function pgArray(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll('"', '\\"')}"`).join(',')}}`
}

/** Calls every method of the stores, and so every statement that they have. */
async function useEverything(repository: PortRepository, url: string): Promise<void> {
  const letEnd = (service: string) =>
    sql(
      url,
      `update ports.port_allocations
       set ends_at = pg_catalog.now()
       where service_name::pg_catalog.text operator(pg_catalog.=) $1::pg_catalog.text
         and ends_at is not null`,
      [service],
    )
  const ports = new PortManager(repository, { hostname: 'localhost' })
  await ports.createRange({ projectName: 'mine', startPort: 20_000, endPort: 20_099 })
  const next = await ports.createRange({ projectName: 'next', size: 10, description: 'Next' })
  await ports.resizeRange('mine', { startPort: 19_990, endPort: 20_039 })
  const metadata = { serviceType: 'vite', description: 'Front', cloudflareHostname: 'a.example' }
  const web = await ports.getOrAllocate('mine', 'web')
  expect(await ports.getOrAllocate('mine', 'web')).toBe(web)
  expect(await ports.getOrAllocate('mine', 'web', metadata)).toBe(web)
  await ports.getOrAllocate('mine', 'web', { instance: 'copy', hostname: 'Alpha' })
  const keyed = await ports.allocate('mine', 'web', { idempotencyKey: 'key', ...metadata })
  expect(await ports.allocate('mine', 'web', { idempotencyKey: 'key' })).toBe(keyed)
  await Promise.all(numbers(1, 20).map((nth) => ports.allocate('mine', `service-${nth}`)))
  await ports.updatePort('mine', 'web', { description: null, serviceType: 'next' })
  await ports.updatePort('mine', 'web', { description: 'All' }, { allHosts: true })
  expect(await ports.find('mine', 'web')).toBe(web)
  await ports.setRest('mine', 60)
  await ports.setRest('mine', 90)
  for (const ttlSeconds of [600, 1200]) await ports.getOrAllocate('mine', 'ci', { ttlSeconds })
  await ports.ensureMany('mine', [{ service: 'ci' }, { service: 'ci2' }], { ttlSeconds: 600 })
  const [leased] = await ports.renew('mine', 'ci', 300)
  await letEnd('ci2')
  await ports.getOrAllocate('mine', 'ci2')
  await letEnd('ci')
  await expect(ports.renew('mine', 'ci', 300)).rejects.toMatchObject({ code: 'LEASE_LOST' })
  const lost = ports.release('mine', 'ci', undefined, { allocationId: leased!.id })
  await expect(lost).rejects.toMatchObject({ code: 'LEASE_LOST' })
  await expect(ports.claim('mine', 'other', leased!.portNumber)).rejects.toMatchObject({
    code: 'PORT_TAKEN',
  })
  await ports.releasePorts('mine', 'ci2')
  await ports.neighbourhood('mine')
  await ports.sameCloudflareHostname('mine', 'web', 'a.example')
  const page = await ports.listPage({ limit: 5 })
  await ports.listPage({ limit: 5, cursor: page.nextCursor!, projectName: 'mine' })
  expect((await ports.listByProject('mine')).length).toBe(23)
  await ports.listAll()
  await ports.listRanges()
  await ports.getProjectSummary('mine')
  await repository.recordChecks(
    page.allocations.map(({ id }) => ({ allocationId: id, verdict: 'listening' })),
  )
  await repository.recordChecks(
    page.allocations.map(({ id }) => ({ allocationId: id, verdict: 'not-listening' })),
  )
  await repository.networkOf('alpha', 'b1/1')
  await repository.networkOf('alpha', 'b2/2')
  const { events, nextCursor } = await ports.history({ limit: 3 })
  expect(events).toHaveLength(3)
  await ports.history({
    ...{ limit: 3, cursor: nextCursor!, projectName: 'mine', serviceName: 'web' },
    ...{ portNumber: web, actor: 'me', since: new Date(0) },
  })
  for (const refused of [
    () => ports.getOrAllocate('ghost', 'web'),
    () => ports.listByProject('ghost'),
    () => ports.createRange({ projectName: 'over', startPort: 20_000, endPort: 20_001 }),
    () => ports.resizeRange('mine', { startPort: 20_030, endPort: 20_039 }),
    () => ports.deleteRange('mine'),
  ]) {
    await expect(refused()).rejects.toMatchObject({
      code: expect.stringMatching(/NOT_FOUND|OVERLAP|IN_USE/),
    })
  }
  for (const _ of numbers(1, next.endPort - next.startPort + 1)) await ports.allocate('next', 'all')
  await expect(ports.allocate('next', 'all')).rejects.toMatchObject({ code: 'RANGE_EXHAUSTED' })
  await Promise.all(numbers(1, 20).map((nth) => ports.release('mine', `service-${nth}`)))
  for (const hostname of numbers(1, 6).map((nth) => `host-${nth}`)) {
    await ports.getOrAllocate('next', 'all', { hostname })
    await ports.release('next', 'all', hostname)
  }
  await ports.releasePorts('next', 'all')
  await ports.deleteRange('next')
  await ports.close()
}

describe('an object that a stranger created in `public`', () => {
  it('is used if the search path is not fixed, so that this test can fail', async () => {
    const url = await emptyDatabase()
    await plant(url)
    await sql(
      url,
      `create function public.naive(p_name text) returns bigint language plpgsql as $$ begin
         return (select count(*) from ports.projects where name = p_name);
       end $$`,
    )
    await sql(url, `select ports.create_range('mine', 20000, 20099)`)
    await expect(sql(url, `select public.naive('mine')`)).rejects.toMatchObject({ code: 'ZZZZZ' })
  })

  it('is used by no function and no statement of the stores', async () => {
    const url = await emptyDatabase()
    await plant(url)
    await seed({ url })
    await useEverything(await openRepository({ url }), url)
    for (const [text, values] of [
      [`select ports.allocate_port('consilio', 'web', 'LOCALHOST', 'tcp')`, []],
      [`select ports.release_port('consilio', 'web', 'LOCALHOST')`, []],
      [`select ports.find_available_port('consilio', 'LOCALHOST')`, []],
      [`select ports.count_available('consilio', 'LOCALHOST', 'udp')`, []],
      [`delete from ports.port_allocations where project_name operator(pg_catalog.=) $1`, ['odin']],
      [
        `insert into ports.port_allocations (project_name, port_number) values ($1, 3310)`,
        ['odin'],
      ],
    ] as const) {
      expect(await ending(sql(url, text, [...values]))).toBe('done')
    }
    await databaseStatus({ url })
    for (const level of ['read', 'use', 'admin'] as const)
      await grantAccess(STRANGER, level, { url })
  })

  it('is used by no migration, and nothing depends on it', async () => {
    const url = await unmigratedDatabase()
    await plant(url)
    await migrate({ url })
    await seed({ url })
    await useEverything(await openRepository({ url }), url)
    expect(
      await sql(
        url,
        `select pg_describe_object(classid, objid, objsubid) as what
         from pg_depend
         where refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)
           and pg_catalog.pg_describe_object(refclassid, refobjid, 0) operator(pg_catalog.~~) '% public.%'
           and pg_catalog.pg_describe_object(classid, objid, 0) operator(pg_catalog.~~) '%ports.%'`,
      ),
    ).toEqual([])
  })
})

describe('an object that a role with access created in `pg_temp`', () => {
  it('is used by no function, and a table gets no rows', async () => {
    const url = await emptyDatabase()
    await seed({ url })
    await plant(url)
    await grantAccess(STRANGER, 'admin', { url })
    const session = await Session.open(url)
    const TABLES = ['port_allocations', 'port_ranges', 'projects', 'port_events', 'port_cursors']
    await session.query(
      `grant temporary on database ${new URL(url).pathname.slice(1)} to ${STRANGER}`,
    )
    await session.query(`set role ${STRANGER}`)
    for (const table of [...TABLES, 'available_slots', 'hosts', 'port_health_checks']) {
      await session.query(`create temporary table ${table} (id bigint, name text, status text)`)
    }
    for (const type of ['text', 'integer', 'bigint', 'jsonb', 'tid', 'regclass', 'json']) {
      await session.query(`create domain pg_temp.${type} as pg_catalog.varchar check (false)`)
    }
    await session.query('set search_path = pg_temp, public, pg_catalog')
    const arrays = `array['consilio'::pg_catalog.varchar]::pg_catalog.text[]`
    const none = 'array[null]::pg_catalog.text[]'
    const one = (value: string) => `array['${value}']::pg_catalog.text[]`
    for (const call of [
      `create_range('mine', 20000, 20099)`,
      `create_next_range('next', 10, 3000, 32767)`,
      `resize_range('mine', 20010, 20099)`,
      `allocate_port('mine', 'web', p_idempotency_key => 'key', p_service_type => 'vite')`,
      `get_or_allocate_port('mine', 'web', p_description => 'Front')`,
      `claim_port('mine', 'web', 20099, p_description => 'Front')`,
      `ensure_port('mine', 'other', p_preferred_port => 20099, p_avoid => '{[20010,20020)}')`,
      `allocate_batch('mine', '[{"service": "many", "count": 3, "contiguous": true, "protocols": ["tcp", "udp"]}]', p_description => 'Many', p_avoid_tcp => '{[20010,20020)}')`,
      `allocate_batch('mine', '[{"service": "many", "count": 3, "additional": true, "idempotencyKey": "key"}]')`,
      `release_ports('mine', 'many')`,
      `allocate_ports(${arrays}, ${one('web')}, ${one('localhost')}, ${one('tcp')}, ${none}, ${none}, ${none}, ${one('')}, ${none})`,
      `update_ports('mine', 'web', '{"description": null}')`,
      `find_available_port('mine')`,
      `count_available('mine', 'localhost', 'tcp')`,
      `record_health_checks(array[1]::pg_catalog.int8[], ${one('listening')})`,
      `note_network('alpha', 'b1/1')`,
      `release_many(${arrays}, ${one('web')}, ${one('localhost')}, ${one('tcp')}, array[null]::pg_catalog.int4[], ${one('')}, ${none})`,
      `release_ports('mine', 'web')`,
      `release_port('mine', 'web')`,
      `release_ports('mine', 'other')`,
      `refuse_unknown_project('mine')`,
      `set_rest('mine', 60)`,
      `ensure_port('mine', 'ci', p_ttl => 60)`,
      `ensure_port('mine', 'ci', p_ttl => 90)`,
      `renew_ports('mine', 'ci', 60)`,
      `move_port('mine', 'ci', 20050)`,
      `release_ports('mine', 'ci')`,
      `delete_range('mine')`,
    ]) {
      const outcome = await session.query(`select ports.${call}`).then(
        () => 'done',
        (error) => error.message,
      )
      expect(outcome, call).toBe('done')
    }
    for (const table of TABLES) {
      expect(await session.query(`select from pg_temp.${table}`)).toEqual([])
    }
    // It writes no table of the registry.
    for (const table of TABLES) {
      await expect(session.query(`delete from ports.${table}`)).rejects.toMatchObject({
        code: '42501',
      })
    }
  })
})
