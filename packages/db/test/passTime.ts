import { sql } from '../../../test/database.js'

/** Moves the ends of all leases and rests, as if the server's clock had gone on. */
export async function passTime(url: string, seconds: number): Promise<void> {
  await sql(
    url,
    `update ports.port_allocations
     set ends_at = ends_at - make_interval(secs => $1)
     where ends_at is not null`,
    [seconds],
  )
}
