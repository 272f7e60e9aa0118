import { closeSync, constants, fsyncSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { openOwnFile, readOwnFile } from './ownFile.js'

/**
 * The superuser. It starts, migrates, seeds and maintains the registry. The server keeps
 * connections for it when callers use all others.
 */
export const DATABASE_ROLE = 'ports'
/** The role of all other calls. */
export const CALLER_ROLE = 'ports_caller'

/** A line in pg_hba.conf. It admits the users whom pg_ident.conf maps to the role. */
export function admission(role: string): string {
  return `local all ${role} peer map=owner`
}

/** `DATABASE_ROLE` if an earlier version made the registry and this one has not prepared it. */
export function roleOfCallers(data: string): string {
  return linesOf(data, 'pg_hba.conf').includes(admission(CALLER_ROLE)) ? CALLER_ROLE : DATABASE_ROLE
}

/**
 * Lets those who may connect as `DATABASE_ROLE` connect as `CALLER_ROLE` too, from the server's next
 * reload on. It only appends, so the files never lack what they had. The line that `roleOfCallers`
 * looks for comes last.
 */
export function admitCallers(data: string): void {
  const identities = linesOf(data, 'pg_ident.conf')
    .filter((line) => line.endsWith(` ${DATABASE_ROLE}`))
    .map((line) => line.replace(/\S+$/, CALLER_ROLE))
  append(data, 'pg_ident.conf', identities)
  append(data, 'pg_hba.conf', [admission(CALLER_ROLE)])
}

function append(data: string, name: string, lines: readonly string[]): void {
  const present = linesOf(data, name)
  const missing = lines.filter((line) => !present.includes(line))
  if (missing.length === 0) return
  const start = present.at(-1) === '' ? '' : '\n'
  const { O_WRONLY, O_APPEND } = constants
  const file = openOwnFile(join(data, name), O_WRONLY | O_APPEND, statSync(data).uid)
  try {
    writeSync(file, `${start}${missing.join('\n')}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function linesOf(data: string, name: string): string[] {
  return readOwnFile(join(data, name), statSync(data).uid).split('\n')
}
