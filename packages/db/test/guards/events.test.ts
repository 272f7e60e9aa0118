import { describe, expect, it } from 'vitest'
import { ending, Session } from '../sessions.js'
import { CREATE_RANGE, DELETE_RANGE, newProject, query, RESIZE, url } from './projects.js'

/** The events of the project, oldest first, without the creation of its range. */
async function events(project: string) {
  return query(
    `select call, what, actor, service_name, instance, hostname, protocol, port_number, before, after
     from ports.events
     where project_name = $1
       and what <> 'range-created'
     order by xid, id`,
    [project],
  )
}

const HERE = { instance: '', hostname: 'localhost', protocol: 'tcp' }

describe('the history', () => {
  it('has one event for a port that is allocated, with its id, scope, role and metadata', async () => {
    const project = await newProject()
    await query(
      `select ports.allocate_port(
         $1, 'web', 'alpha', 'udp', p_service_type => 'dns', p_instance => 'copy', p_actor => 'me'
       )`,
      [project.name],
    )
    expect(await events(project.name)).toEqual([
      {
        ...{ call: 'allocate_port', what: 'allocated', actor: 'me', service_name: 'web' },
        ...{ instance: 'copy', hostname: 'alpha', protocol: 'udp', port_number: project.start },
        ...{ before: null, after: { serviceType: 'dns' } },
      },
    ])
    expect(
      await query(
        `select event.role_name = session_user as is_mine, held.id is not null as is_held
         from ports.events as event
         left join ports.allocations as held on held.id = allocation_id
         where what = 'allocated'`,
      ),
    ).toEqual([{ is_mine: true, is_held: true }])
  })

  it('has none for an answer that changes nothing', async () => {
    const project = await newProject()
    const twice = [
      `select ports.get_or_allocate_port($1, 'web', p_description => 'First')`,
      `select ports.allocate_port($1, 'keyed', p_idempotency_key => 'key')`,
      `select ports.update_ports($1, 'web', '{"serviceType": "vite", "description": "First"}')`,
    ]
    for (const text of [...twice, ...twice]) await query(text, [project.name])
    await query(`select ports.get_or_allocate_port($1, 'web', p_description => 'Second')`, [
      project.name,
    ])
    await query(`select ports.release_ports($1, 'nobody-is-called-so')`, [project.name])
    await query(RESIZE, [project.name, project.start, project.end])
    await query(
      `select ports.record_health_checks(array_agg(id), array_agg('listening'::text))
       from ports.allocations`,
    )
    expect((await events(project.name)).map(({ call, what }) => [call, what])).toEqual([
      ['get_or_allocate_port', 'allocated'],
      ['allocate_port', 'allocated'],
      ['update_ports', 'updated'],
    ])
  })

  it('has none for what is refused or rolled back', async () => {
    const project = await newProject(1)
    await query(`select ports.allocate_port($1, 'web')`, [project.name])
    const before = await query('select * from ports.events')
    for (const [text, values, code] of [
      [`select ports.allocate_port($1, 'api')`, [project.name], 'ZP002'],
      [`select ports.allocate_port('ghost', 'api')`, [], 'ZP001'],
      [`select ports.allocate_port($1, '-', 'beta')`, [project.name], '23514'],
      [`select ports.release_ports('ghost', 'api')`, [], 'ZP001'],
      [RESIZE, [project.name, project.start + 1, project.start + 2], 'ZP006'],
      [DELETE_RANGE, [project.name], 'ZP006'],
      [CREATE_RANGE, ['other', project.start, project.start], 'ZP005'],
    ] as const) {
      expect(await ending(query(text, [...values]))).toBe(code)
    }
    const session = await Session.open(url)
    await session.begin()
    await session.query(`select ports.release_ports($1, 'web')`, [project.name])
    await session.rollback()
    expect(await query('select * from ports.events')).toEqual(before)
  })

  it('says what metadata was before and is afterwards, where it is filled in or updated', async () => {
    const project = await newProject()
    for (const text of [
      `select ports.get_or_allocate_port($1, 'web', p_actor => 'first')`,
      `select ports.get_or_allocate_port(
         $1, 'web', p_service_type => 'vite', p_actor => 'second'
       )`,
      `select ports.update_ports(
         $1, 'web', '{"serviceType": null, "cloudflareHostname": "a.example"}', p_actor => 'third'
       )`,
      `select ports.update_ports($1, 'web', '{"cloudflareHostname": null}', p_actor => 'fourth')`,
    ]) {
      await query(text, [project.name])
    }
    const place = { ...HERE, service_name: 'web', port_number: project.start }
    expect(await events(project.name)).toEqual([
      {
        ...{ ...place, call: 'get_or_allocate_port', what: 'allocated', actor: 'first' },
        ...{ before: null, after: null },
      },
      {
        ...{ ...place, call: 'get_or_allocate_port', what: 'updated', actor: 'second' },
        ...{ before: null, after: { serviceType: 'vite' } },
      },
      {
        ...{ ...place, call: 'update_ports', what: 'updated', actor: 'third' },
        ...{ before: { serviceType: 'vite' }, after: { cloudflareHostname: 'a.example' } },
      },
      {
        ...{ ...place, call: 'update_ports', what: 'updated', actor: 'fourth' },
        ...{ before: { cloudflareHostname: 'a.example' }, after: null },
      },
    ])
  })

  it('has one for each port that one call releases', async () => {
    const project = await newProject()
    for (const protocol of ['tcp', 'udp', 'tcp']) {
      await query(`select ports.allocate_port($1, 'web', p_protocol => $2)`, [
        project.name,
        protocol,
      ])
    }
    const held = await query('select id, protocol, port_number from ports.allocations order by id')
    await query(`select ports.release_ports($1, 'web', p_actor => 'me')`, [project.name])
    expect(
      await query(
        `select allocation_id as id, protocol, port_number
         from ports.events
         where what = 'released' and call = 'release_ports' and actor = 'me'
         order by allocation_id`,
      ),
    ).toEqual(held)
    await query(`select ports.release_ports($1, 'web', p_actor => 'me')`, [project.name])
    expect(await query(`select from ports.events where what = 'released'`)).toHaveLength(3)
  })

  it('has one for each change of a range', async () => {
    const project = await newProject()
    await query(`select ports.resize_range($1, $2, $3, p_actor => 'me')`, [
      ...[project.name, project.start + 1, project.end],
    ])
    await query(`select ports.delete_range($1, p_actor => 'me')`, [project.name])
    await query(`select ports.create_next_range('next', 100, 3000, 32767, 'Next', 'me')`)
    const bounds = { startPort: project.start, endPort: project.end }
    const resized = { ...bounds, startPort: project.start + 1 }
    const next = { startPort: 3000, endPort: 3099, description: 'Next' }
    const changes = [
      { what: 'range-created', actor: null, before: null, after: bounds },
      { what: 'range-resized', actor: 'me', before: bounds, after: resized },
      { what: 'range-deleted', actor: 'me', before: resized, after: null },
      { what: 'range-created', actor: 'me', before: null, after: next },
    ]
    expect(
      await query('select what, actor, before, after from ports.events order by xid, id'),
    ).toEqual(changes)
    expect(
      await query(
        'select from ports.events where service_name is not null or port_number is not null',
      ),
    ).toEqual([])
  })

  it('names the actor of each row of a batch', async () => {
    const project = await newProject()
    const services = ['web', 'api', 'web']
    const actors = ['first', 'second', null]
    const [names, hosts, protocols, none, instances] = [
      services.map(() => project.name),
      services.map(() => 'localhost'),
      services.map(() => 'tcp'),
      services.map(() => null),
      ['', 'copy', ''],
    ]
    const rows = await query('select * from ports.allocate_ports($1,$2,$3,$4,$5,$5,$5,$6,$7)', [
      ...[names, services, hosts, protocols, none, instances, actors],
    ])
    const ports = rows.toSorted((a, b) => a.turn - b.turn).map((row) => row.port_number)
    await query('select * from ports.release_many($1,$2,$3,$4,$5,$6,$7)', [
      ...[names, services, hosts, protocols, ports, instances, ['x', 'y', 'z']],
    ])
    for (const [what, expected] of [
      ['allocated', actors],
      ['released', ['x', 'y', 'z']],
    ] as const) {
      const told = await query(
        `select actor, service_name, instance, port_number
         from ports.events
         where what = $1
         order by array_position($2, port_number)`,
        [what, ports],
      )
      expect(told).toEqual(
        services.map((service_name, nth) => ({
          ...{ actor: expected[nth], service_name },
          ...{ instance: instances[nth], port_number: ports[nth] },
        })),
      )
    }
  })

  it('of those who follow it steps over no transaction that is still open', async () => {
    const [project, other] = [await newProject(), await newProject()]
    const followed = () =>
      query(
        `select project_name
         from ports.events
         where what = 'allocated'
           and xid < pg_snapshot_xmin(pg_current_snapshot())
         order by xid, id`,
      )
    const open = await Session.open(url)
    await open.begin()
    await open.query(`select ports.allocate_port($1, 'web')`, [project.name])
    await query(`select ports.allocate_port($1, 'web')`, [other.name])
    const meanwhile = await followed()
    expect(meanwhile).toEqual([])
    await open.commit()
    expect(await followed()).toEqual([{ project_name: project.name }, { project_name: other.name }])
  })
})
