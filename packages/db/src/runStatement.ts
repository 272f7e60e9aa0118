import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { onAbort } from '@ports/core'
import type { Pool, PoolClient, QueryResult, QueryResultRow } from 'pg'
import { LockWatch } from './lockHolders.js'
import { type CallSubject, outcomeUnknown, translate } from './sqlState.js'

/** A statement. If it has a name, each connection prepares it once. */
export interface Statement {
  readonly name?: string
  readonly text: string
}

/**
 * Derives the name from the text, so that two versions of this library behind one pooler do not run
 * each other's statements.
 */
export function statement(text: string): Statement {
  return { name: `ports_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`, text }
}

/**
 * Runs a statement on a connection of the pool.
 * @throws the error that `translate` makes of a failure. When aborted: the signal's reason, or
 * `OUTCOME_UNKNOWN` once a write was sent.
 */
export async function runStatement<Row extends QueryResultRow>(
  pool: Pool,
  { name, text }: Statement,
  values: readonly unknown[],
  subject: CallSubject,
  signal?: AbortSignal,
): Promise<QueryResult<Row>> {
  const client = await checkOut(pool, signal)
  const watch = new LockWatch(pool, client)
  let destroy = false
  try {
    const run = (prepared: Statement) =>
      abortable(client.query<Row>({ ...prepared, values: [...values] }), subject, signal)
    return await run({ name, text }).catch((error) => {
      if (!isOutdated(error)) throw error
      // A new connection prepares it anew.
      destroy = true
      return run({ text })
    })
  } catch (error) {
    // The connection is in doubt unless the server reported how the statement ended, and goes on.
    destroy ||= Object(error).severity !== 'ERROR'
    if (signal?.aborted) await cancel(pool, client)
    throw signal?.aborted && error === signal.reason
      ? error
      : translate(error, subject, watch.holders)
  } finally {
    watch.stop()
    client.release(destroy)
  }
}

/**
 * Whether the server ended a statement because a migration has changed the types of its columns since
 * it was prepared (0A000), or while it ran (42804, which also has other causes; such statements fail
 * again). The texts of these errors depend on the server's language.
 */
function isOutdated(error: unknown): boolean {
  const { code, routine } = Object(error)
  return code === '42804' || (code === '0A000' && routine === 'RevalidateCachedQuery')
}

/** Shorter than the time that a command has after Ctrl-C to report the outcome of its call. */
const CANCEL_TIMEOUT_MS = 150

/** Ends a statement whose answer nobody waits for any more. */
async function cancel(pool: Pool, client: PoolClient): Promise<void> {
  const { processID } = client as PoolClient & { processID?: number }
  const asked = pool.query('select pg_catalog.pg_cancel_backend($1)', [processID]).catch(() => {
    // The statement's time limits end it.
  })
  await Promise.race([asked, sleep(CANCEL_TIMEOUT_MS)])
}

async function checkOut(pool: Pool, signal?: AbortSignal): Promise<PoolClient> {
  signal?.throwIfAborted()
  const connecting = pool.connect()
  // Nothing was sent yet, so this counts as a read whatever follows.
  return abortable(connecting, { write: false }, signal).catch((error) => {
    connecting.then(
      (client) => client.release(),
      () => {},
    )
    throw error
  })
}

/** Settles as the call does, or at once when aborted; the call itself may go on. */
export async function abortable<Result>(
  call: Promise<Result>,
  subject: CallSubject,
  signal?: AbortSignal,
): Promise<Result> {
  if (!signal) return call
  return new Promise((resolve, reject) => {
    const giveUp = () =>
      reject(
        subject.write
          ? outcomeUnknown({ message: 'aborted' }, subject, signal.reason)
          : signal.reason,
      )
    const forget = onAbort(signal, giveUp)
    call.then(resolve, reject).finally(forget)
  })
}
