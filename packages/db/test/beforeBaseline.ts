import { createHash, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { sql, unmigratedDatabase } from '@ports/testkit/vitest'

export const FORMER_DIRECTORY = new URL('fixtures/beforeBaseline/', import.meta.url)

/** The migrations that the baseline replaced: six, and two that were in no release. */
export const FORMER_MIGRATIONS = readdirSync(FORMER_DIRECTORY).sort()

/** Returns the URL of a database made by the first `count` of them, recorded as they were then. */
export function formerDatabase(count: number): Promise<string> {
  return databaseMadeBy(FORMER_DIRECTORY, FORMER_MIGRATIONS.slice(0, count))
}

/** Returns the URL of a database made by these migrations alone. */
export async function databaseMadeBy(directory: URL, names: readonly string[]): Promise<string> {
  const url = await unmigratedDatabase()
  await migrateBy(url, directory, names)
  return url
}

/** Creates the schema in a database that has none. */
export async function migrateBy(
  url: string,
  directory: URL,
  names: readonly string[],
): Promise<void> {
  await sql(
    url,
    `create schema ports;
     create table ports._prisma_migrations (
       id varchar(36) primary key not null,
       checksum varchar(64) not null,
       finished_at timestamptz,
       migration_name varchar(255) not null,
       logs text,
       rolled_back_at timestamptz,
       started_at timestamptz not null default now(),
       applied_steps_count integer not null default 0
     )`,
  )
  for (const name of names) {
    const text = readFileSync(new URL(`${name}/migration.sql`, directory))
    await sql(url, text.toString('utf8'))
    await sql(
      url,
      `insert into ports._prisma_migrations
         (id, checksum, migration_name, finished_at, applied_steps_count)
       values ($1, $2, $3, clock_timestamp(), 1)`,
      [randomUUID(), createHash('sha256').update(text).digest('hex'), name],
    )
  }
}

export const FORMER_RANGES = [
  { project_name: 'blog', start_port: 4000, end_port: 4009, description: null },
  { project_name: 'empty', start_port: 5000, end_port: 5009, description: 'Nothing yet' },
  { project_name: 'shop', start_port: 3000, end_port: 3299, description: 'The shop' },
  { project_name: 'solo', start_port: 6000, end_port: 6009, description: null },
]

/** Fills such a database with its own functions. */
export async function fillFormer(url: string): Promise<void> {
  for (const { project_name, start_port, end_port, description } of FORMER_RANGES) {
    await sql(
      url,
      `insert into ports.port_ranges (project_name, start_port, end_port, description)
       values ($1, $2, $3, $4)`,
      [project_name, start_port, end_port, description],
    )
  }
  // Each has a separate statement, so that the times differ.
  for (const text of [
    `select ports.allocate_port('shop', 'web', p_service_type => 'vite', p_description => 'Front')`,
    `select ports.allocate_port('shop', 'api', p_cloudflare_hostname => 'api.example.com')`,
    `select ports.allocate_port('shop', 'gone')`,
    `select ports.allocate_port('shop', 'web')`,
    `select ports.allocate_port('shop', 'web', p_protocol => 'udp')`,
    `select ports.allocate_port('shop', 'web', 'alpha')`,
    `select ports.allocate_port('shop', 'web', p_idempotency_key => 'first')`,
    `select ports.allocate_port('shop', 'api', p_idempotency_key => 'first')`,
    `select ports.allocate_port('shop', 'temporary') from generate_series(1, 3)`,
    `select ports.release_port('shop', 'temporary', p_port_number => 3007)`,
    `select ports.release_port('shop', 'gone')`,
    // The oldest port of this service is not its lowest number.
    `select ports.get_or_allocate_port('shop', 'late')`,
    `select ports.allocate_port('shop', 'late')`,
    `select ports.release_port('shop', 'web', p_port_number => 3000, p_protocol => 'tcp')`,
    `select ports.allocate_port('shop', 'late')`,
    // Far above the offered numbers.
    `insert into ports.port_allocations (project_name, service_name, port_number)
     values ('shop', 'stored', 3250)`,
    `select ports.record_health_checks(array_agg(id), array_agg('listening'::text))
     from ports.port_allocations
     where service_name in ('web', 'api') and status <> 'released'`,
    `select ports.record_health_checks(array_agg(id), array_agg('not-listening'::text))
     from ports.port_allocations
     where service_name = 'api' and status <> 'released'`,
    `select ports.record_health_checks(array_agg(id), array_agg('unknown'::text))
     from ports.port_allocations
     where service_name = 'late' and status <> 'released'`,
  ]) {
    await sql(url, text)
  }
}

/** Every live row, as both schemas have it. */
export function holdings(url: string) {
  return sql<Holding>(
    url,
    `select id, project_name, service_name, hostname, protocol, port_number, status, service_type,
       description, cloudflare_hostname, idempotency_key, allocated_at, last_used_at
     from ports.port_allocations
     where status <> 'released'
     order by project_name, service_name, hostname, ordinal`,
  )
}

export interface Holding {
  readonly id: string
  readonly project_name: string
  readonly service_name: string
  readonly hostname: string
  readonly protocol: string
  readonly port_number: number
  readonly idempotency_key: string | null
}
