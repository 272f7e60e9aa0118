import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, inject } from 'vitest'
import { databaseUrlOn } from '../server/Server.js'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The directories of the servers' sockets, one for each worker. */
    socketDirectories: readonly string[]
  }
}

/** The URL of a new database, migrated, with the default ranges. */
export function freshDatabase(): Promise<string> {
  return copyOf('template_seeded')
}

/** The same without a range. */
export function emptyDatabase(): Promise<string> {
  return copyOf('template_empty')
}

/** Empties such a database again, which is faster than creating another one. */
export async function emptyAgain(url: string): Promise<void> {
  await sql(
    url,
    `do $$
     begin
       -- Allocations may not be truncated: a trigger refuses it.
       set local session_replication_role = replica;
       execute (
         select 'truncate ' || string_agg(format('ports.%I', tablename), ', ') || ' restart identity'
         from pg_tables
         where schemaname = 'ports' and tablename <> '_prisma_migrations'
       );
     end $$`,
  )
}

/** The URL of a database without the registry's schema. */
export function unmigratedDatabase(): Promise<string> {
  return copyOf('template0')
}

const names: string[] = []

async function copyOf(template: string): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`
  await asAdmin(`create database ${name} template ${template}`)
  names.push(name)
  return databaseUrlOn(socketDirectory(), name)
}

/** Each drop waits for a checkpoint, and a file may have made fifty databases. */
const DROP_TIMEOUT_MS = 600_000

// Each takes 10 MB or more. A whole run makes a thousand of them.
afterAll(async () => {
  for (const name of names) await asAdmin(`drop database ${name} with (force)`)
}, DROP_TIMEOUT_MS)

/** The directory of the sockets of this worker's server. */
function socketDirectory(): string {
  return inject('socketDirectories')[Number(process.env.VITEST_POOL_ID) - 1]!
}

async function asAdmin(text: string): Promise<void> {
  await sql(databaseUrlOn(socketDirectory(), 'postgres'), text)
}

/** Runs SQL as any client could, psql included. */
export async function sql<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}
