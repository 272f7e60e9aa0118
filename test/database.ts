import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { databaseUrlOn } from './databaseUrl.js'

declare module 'vitest' {
  export interface ProvidedContext {
    socketDirectory: string
  }
}

/** The URL of a database of one's own, migrated, with the default ranges. */
export function freshDatabase(): Promise<string> {
  return copyOf('template_seeded')
}

/** The same without a range. */
export function emptyDatabase(): Promise<string> {
  return copyOf('template_empty')
}

/** The same without the registry's schema. */
export function unmigratedDatabase(): Promise<string> {
  return copyOf('template0')
}

async function copyOf(template: string): Promise<string> {
  const socketDirectory = inject('socketDirectory')
  const name = `test_${randomBytes(6).toString('hex')}`
  const admin = new pg.Client({ connectionString: databaseUrlOn(socketDirectory, 'postgres') })
  await admin.connect()
  await admin.query(`create database ${name} template ${template}`)
  await admin.end()
  return databaseUrlOn(socketDirectory, name)
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
