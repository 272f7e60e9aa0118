import { randomBytes } from 'node:crypto'
import { sql } from '@ports/testkit/vitest'

/** A role of the server that owns nothing. */
export async function newRole(url: string): Promise<string> {
  const role = `guest_${randomBytes(4).toString('hex')}`
  await sql(url, `create role ${role}`)
  return role
}

/** The same database, for a session that acts as the role. */
export function actingAs(url: string, role: string): string {
  const separator = url.includes('?') ? '&' : '?'
  return `${url}${separator}options=${encodeURIComponent(`-c role=${role}`)}`
}
