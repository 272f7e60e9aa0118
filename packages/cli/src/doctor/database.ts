import { PortsError } from '@ports/core'
import type { DatabaseStatus } from '@ports/db'
import type { Setting } from '@ports/db/settings'
import type { Check, Result } from './Check.js'
import { refusalToWrite } from './refusalToWrite.js'
import type { Subject } from './Subject.js'

/** The share of the server's connections from which on a warning is given. */
const NEARLY_FULL = 0.8

/** Checks which database is used and why, whether it answers, its schema and its connections. */
export const databaseCheck: Check = {
  name: 'database',
  // Longer than the driver's timeout for a connection, because its error is more specific.
  timeoutMs: 15_000,
  async run(subject) {
    const setting = await settingOf(() => subject.context.settings.get('databaseUrl'))
    if ('state' in setting) return [setting]
    try {
      const status = await subject.status()
      const isStopped = status.kind === 'embedded' && !status.running
      return isStopped ? [await notRunning(status, subject)] : resultsOf(status, setting)
    } catch (error) {
      if (!(error instanceof PortsError)) throw error
      return [failed(error, setting)]
    }
  },
}

/** Reports a malformed URL, or a malformed settings file, as a result. */
async function settingOf(read: () => Promise<Setting>): Promise<Setting | Result> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof PortsError)) throw error
    return { state: 'problem', message: error.message, fix: 'Correct the setting.' }
  }
}

function failed(error: PortsError, setting: Setting): Result {
  const { code, message, details } = error
  return { state: 'problem', message, fix: fixOf() }

  function fixOf(): string {
    if ('right' in details) return 'As the owner of the tables: ports db grant <role> use'
    if (code === 'BUSY') return 'End programs that keep connections open, or raise max_connections.'
    if (setting.value !== null) return `Start that server, or correct ${setting.from}.`
    return FIX_OF_MESSAGE
  }
}

const FIX_OF_MESSAGE =
  'Do what the message says, or name another database: ports config set databaseUrl <url>'

function resultsOf(status: DatabaseStatus, setting: Setting): Result[] {
  return [
    { state: 'ok', message: `${placeOf(status, setting)} It answers.` },
    schemaResult(status),
    ...sessionsResult(status),
  ]
}

async function notRunning(
  { home, dataDirectory }: DatabaseStatus,
  { context }: Subject,
): Promise<Result> {
  const missing = await context.machine.programsRefusal()
  if (missing !== undefined) return { state: 'problem', message: missing, fix: FIX_OF_MESSAGE }
  const refusal = home === undefined ? undefined : refusalToWrite(home)
  if (refusal !== undefined) {
    const state =
      dataDirectory === undefined
        ? `There is no registry yet, and none can be made in ${home}`
        : `Embedded, in ${home}. It does not run, and this user cannot start it`
    return {
      state: 'problem',
      message: `${state}: ${refusal}.`,
      fix:
        'Set PORTS_HOME to a directory of this user, or name a database: ' +
        'ports config set databaseUrl <url>',
    }
  }
  if (dataDirectory !== undefined) {
    return {
      state: 'ok',
      message: `Embedded, in ${home}. It is not running. The next call starts it.`,
    }
  }
  return {
    state: 'warning',
    message: `There is no registry yet: ${home} has none, and no database is named.`,
    fix:
      'Make one: ports get <project> <service>; or name a database: ' +
      'ports config set databaseUrl <url>',
  }
}

function placeOf({ kind, url, home }: DatabaseStatus, { source, from }: Setting): string {
  if (kind === 'embedded') return `Embedded, in ${home}, because no other database is named.`
  return `${url}, because ${source === 'file' ? `the file ${from}` : from} names it.`
}

function schemaResult({ schema, kind }: DatabaseStatus): Result {
  const { applied = [], pending = [], different = [], unknown = [] } = schema ?? {}
  if (unknown.length > 0) {
    return {
      state: 'problem',
      message: `A later version of ports migrated the database: ${unknown.join(', ')}.`,
      fix: 'Update ports on this machine.',
    }
  }
  if (different.length > 0) {
    return {
      state: 'problem',
      message: `Another version of these migrations was applied: ${different.join(', ')}.`,
      fix: 'Use the version of ports that migrated the database, or another database.',
    }
  }
  if (pending.length === 0) {
    return { state: 'ok', message: `Migrated: ${applied.length} migrations applied, none pending.` }
  }
  const message = `Not migrated: ${pending.length} of ${applied.length + pending.length} migrations are pending.`
  return kind === 'embedded'
    ? { state: 'warning', message: `${message} The next call applies them.`, fix: MIGRATE }
    : { state: 'problem', message, fix: MIGRATE }
}

const MIGRATE = 'ports db migrate'

function sessionsResult({ sessions }: DatabaseStatus): Result[] {
  if (sessions === undefined) return []
  const { open, limit } = sessions
  const message = `${open} of ${limit} connections are open.`
  if (open < limit * NEARLY_FULL) return [{ state: 'ok', message }]
  return [
    {
      state: open < limit ? 'warning' : 'problem',
      message,
      fix: 'End programs that keep connections open, or raise max_connections.',
    },
  ]
}
