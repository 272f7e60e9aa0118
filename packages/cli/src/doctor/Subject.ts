import type { PortAllocation, PortRange } from '@ports/core'
import type { DatabaseStatus } from '@ports/db'
import type { Context } from '../Context.js'

/** For the connection, and for each answer. */
const ANSWER_TIMEOUT_MS = 5_000

/** What the registry holds. */
export interface Records {
  readonly ranges: readonly PortRange[]
  readonly allocations: readonly PortAllocation[]
  /** Whether this process is in the network namespace of this host's services. */
  readonly seesServices: boolean
}

/** Why a check could not look, and what to do about that. */
export class CannotCheck extends Error {
  constructor(
    message: string,
    readonly fix: string,
  ) {
    super(message)
  }
}

/** What checks look at. Answers that several of them need are asked for once. */
export class Subject {
  readonly context: Context
  #status: Promise<DatabaseStatus> | undefined
  #records: Promise<Records | undefined> | undefined

  constructor(context: Context) {
    this.context = context
  }

  /** @throws {PortsError} `INVALID_ARGUMENT` for a setting that is wrong */
  async usesEmbedded(): Promise<boolean> {
    return (await this.context.settings.get('databaseUrl')).value === null
  }

  status(): Promise<DatabaseStatus> {
    this.#status ??= this.context.database.status()
    return this.#status
  }

  /**
   * Undefined if no embedded registry was made yet.
   * @throws {CannotCheck} if the database does not answer
   */
  records(): Promise<Records | undefined> {
    this.#records ??= this.#readRecords()
    return this.#records
  }

  async #readRecords(): Promise<Records | undefined> {
    const status = await this.status().catch(() => {
      throw new CannotCheck('the database does not answer.', 'Repair the database first.')
    })
    if (!status.running) {
      if (status.dataDirectory === undefined) return undefined
      throw new CannotCheck('the embedded database is not running.', 'ports db start')
    }
    const { pending = [], different = [], unknown = [] } = status.schema ?? {}
    if (pending.length + different.length + unknown.length > 0) {
      throw new CannotCheck(
        'the database does not have the version of this program.',
        'Repair the database first.',
      )
    }
    return this.context.askRunning(async (ports) => {
      const [ranges, allocations, seesServices] = await Promise.all([
        ports.listRanges(),
        ports.listAll(),
        ports.seesServices(),
      ])
      return { ranges, allocations, seesServices }
    }, ANSWER_TIMEOUT_MS)
  }
}
