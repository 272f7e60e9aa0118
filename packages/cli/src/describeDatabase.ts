import { counted, printable } from '@ports/core'
import type { DatabaseStatus } from '@ports/db'

/** One fact a line; what is not known is left out. */
export function describeDatabase(status: DatabaseStatus): string {
  const { schema, sessions } = status
  const facts = {
    database: status.kind === 'embedded' ? 'embedded' : status.url,
    running: status.running ? 'yes' : 'no',
    server: status.serverVersion && `PostgreSQL ${status.serverVersion}`,
    process: status.pid,
    owner: status.owner,
    home: status.home,
    data: status.dataDirectory,
    socket: status.socketDirectory,
    sessions: sessions && describeSessions(sessions),
    schema: schema && describeSchema(schema),
  }
  return Object.entries(facts)
    .filter(([, fact]) => fact !== undefined)
    .map(([name, fact]) => `${name.padEnd(9)} ${printable(String(fact))}`)
    .join('\n')
}

function describeSessions({ open, limit }: NonNullable<DatabaseStatus['sessions']>): string {
  return open < limit
    ? `${open} of ${limit}`
    : `${open} of ${limit}: full, new ones wait their turn`
}

function describeSchema(schema: NonNullable<DatabaseStatus['schema']>): string {
  const { applied, pending, different, unknown } = schema
  const migrations = `${counted(applied.length, 'migration')} applied`
  if (unknown.length > 0) return `migrated by a later version: ${unknown.join(', ')}`
  if (different.length > 0) return `${migrations}, of another version: ${different.join(', ')}`
  return pending.length === 0
    ? `${migrations}, none pending`
    : `${migrations}, pending: ${pending.join(', ')}; to apply: ports db migrate`
}
