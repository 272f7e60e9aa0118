import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

/**
 * The build copies it beside the code, because an installed package has no repository around it.
 */
const PRISMA = new URL('../prisma/', import.meta.url)
const DIRECTORY = new URL('migrations/', PRISMA)

export interface Migration {
  readonly name: string
  readonly sql: string
  /** As in Prisma's migration table: SHA-256 of the file, in hexadecimal. */
  readonly checksum: string
}

/** In the order in which they are applied. */
export function migrationNames(): string[] {
  return readdirSync(DIRECTORY, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
}

export function readMigration(name: string): Migration {
  const sql = readFileSync(new URL(`${name}/migration.sql`, DIRECTORY))
  return {
    name,
    sql: sql.toString('utf8'),
    checksum: createHash('sha256').update(sql).digest('hex'),
  }
}

/**
 * Returns the script that copies a registry from before the baseline into the baseline's tables.
 */
export function readUpgrade(): string {
  return readFileSync(new URL('upgrade/to_baseline.sql', PRISMA), 'utf8')
}
