import type { CallOptions } from '@ports/core'
import type { Pool, QueryResultRow } from 'pg'
import type { SharedCall } from './GroupCommit.js'
import { ProjectTurns } from './ProjectTurns.js'
import type { PrismaClient } from './prismaClient.js'
import { abortable, runStatement, type Statement } from './runStatement.js'
import { type CallSubject, translate } from './sqlState.js'

/**
 * Runs calls on the registry's database. Calls that must be fast use prepared statements. The rest
 * use Prisma, which is loaded on first use. Both share one pool.
 */
export class Database {
  readonly #pool: Pool
  readonly #prepares: boolean
  readonly #turns = new ProjectTurns()
  #prisma: Promise<PrismaClient> | undefined

  /** @param prepares whether a connection may keep prepared statements */
  constructor(pool: Pool, prepares: boolean) {
    this.#pool = pool
    this.#prepares = prepares
  }

  async rows<Row extends QueryResultRow>(
    { name, text }: Statement,
    values: readonly unknown[],
    subject: CallSubject,
    { signal }: CallOptions,
  ): Promise<Row[]> {
    const statement = this.#prepares ? { name, text } : { text }
    const run = async () =>
      (await runStatement<Row>(this.#pool, statement, values, subject, signal)).rows
    const { projectName } = subject
    signal?.throwIfAborted()
    return projectName === undefined ? run() : this.#turns.run(projectName, signal, run)
  }

  /** Returns the column `answer` of a statement that returns one row. */
  async answer<Answer>(
    statement: Statement,
    values: readonly unknown[],
    subject: CallSubject,
    call: CallOptions,
  ): Promise<Answer> {
    const rows = await this.rows<{ answer: Answer }>(statement, values, subject, call)
    return rows[0]!.answer
  }

  /**
   * Runs several calls as one statement, whose parameters are arrays. Returns their answers in
   * order.
   */
  async answers<Answer>(
    statement: Statement,
    calls: readonly SharedCall[],
  ): Promise<readonly Answer[]> {
    const columns = calls[0]!.values.map((_, column) => calls.map(({ values }) => values[column]))
    const subject = { write: true, projectName: calls[0]!.projectName }
    const rows = await this.rows<{ turn: number; answer: Answer }>(statement, columns, subject, {})
    return rows.toSorted((a, b) => a.turn - b.turn).map(({ answer }) => answer)
  }

  async ask<Result>(
    subject: CallSubject,
    { signal }: CallOptions,
    question: (prisma: PrismaClient) => Promise<Result>,
  ): Promise<Result> {
    signal?.throwIfAborted()
    this.#prisma ??= import('./prismaClient.js').then(({ createPrismaClient }) =>
      createPrismaClient(this.#pool),
    )
    const prisma = await this.#prisma
    try {
      return await abortable(question(prisma), subject, signal)
    } catch (error) {
      throw signal?.aborted && error === signal.reason ? error : translate(error, subject)
    }
  }

  async close(): Promise<void> {
    if (this.#pool.ended) return
    await (await this.#prisma)?.$disconnect()
    await this.#pool.end()
  }
}
