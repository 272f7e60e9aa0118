import type pg from 'pg'

interface Holdings {
  readonly projects: readonly string[]
  readonly count: number
  readonly prefix?: string
}

/**
 * Lets services named `prefix1`, `prefix2` … hold the first `count` numbers of each project. The rows
 * are the same as if each service had asked for its port, without the events. Services whose names
 * have the same hash get ordinals of their own. Uses three statements, because as many calls would
 * take minutes.
 */
export async function hold(pool: pg.Pool, { projects, count, prefix = '' }: Holdings) {
  await pool.query(
    `insert into ports.port_allocations (project_name, port_number)
     select project_name, start_port + number - 1
     from ports.port_ranges
     cross join generate_series(1, $2::integer) as number
     where project_name = any ($1)`,
    [projects, count],
  )
  await pool.query(
    `update ports.port_allocations as slot
     set id = default,
       status = 'allocated',
       service_name = holder.name,
       service_key = holder.service_key,
       ordinal = holder.ordinal
     from (
       select slot_id, name, service_key,
         row_number() over (partition by service_key order by slot_id) as ordinal
       from (
         select free.id as slot_id, new.name,
           ports.service_key(project_name, new.name, '', free.hostname) as service_key
         from ports.port_allocations as free
         join ports.port_ranges as range using (project_name)
         cross join lateral (values ($3 || (free.port_number - range.start_port + 1))) as new (name)
         where project_name = any ($1)
           and free.port_number < range.start_port + $2
       ) as named
     ) as holder
     where slot.id = holder.slot_id`,
    [projects, count, prefix],
  )
  await pool.query(
    `insert into ports.port_cursors (project_name, hostname, protocol, next_port)
     select project_name, 'localhost', 'tcp', start_port + $2
     from ports.port_ranges
     where project_name = any ($1)`,
    [projects, count],
  )
}
