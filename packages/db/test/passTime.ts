import { sql } from '@ports/testkit/vitest'

/** Moves the times that the registry compares with its clock, as if the clock had gone on. */
export async function passTime(url: string, seconds: number): Promise<void> {
  await sql(
    url,
    `with ended as (
       update ports.port_allocations
       set ends_at = ends_at - make_interval(secs => $1)
       where id in (
           -- In the order in which calls lock them.
           select id
           from ports.port_allocations
           where ends_at is not null
           order by hostname, protocol, port_number
           for update
         )
         and ends_at is not null
     )
     update ports.limit_uses
     set used_at = array(select at - make_interval(secs => $1) from unnest(used_at) as at)`,
    [seconds],
  )
}
