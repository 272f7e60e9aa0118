import { type PortAllocation, type PortRange, PortsError } from '@ports/core'
import type { DatabaseStatus } from '@ports/db'
import type { Context } from '../Context.js'

/** The timeout of the connection, and of each answer. */
const ANSWER_TIMEOUT_MS = 5_000

/** The contents of the registry that checks need. */
export interface Records {
  readonly ranges: readonly PortRange[]
  readonly allocations: readonly PortAllocation[]
  /** Whether this process is in the network namespace of this host's services. */
  readonly seesServices: boolean
}

/** Thrown by a check that cannot be done. Says why, and how to fix that. */
export class CannotCheck extends Error {
  constructor(
    message: string,
    readonly fix: string,
  ) {
    super(message)
  }
}

/** The state that checks examine. State that several checks need is read once. */
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
   * The state of the embedded registry. Undefined if there is none, or another database is set.
   * @throws {CannotCheck} if the state cannot be read. The database check then says why.
   */
  async embedded(): Promise<(DatabaseStatus & { readonly dataDirectory: string }) | undefined> {
    try {
      const status = (await this.usesEmbedded()) ? await this.status() : undefined
      const { dataDirectory } = status ?? {}
      return status && dataDirectory !== undefined ? { ...status, dataDirectory } : undefined
    } catch (error) {
      if (!(error instanceof PortsError)) throw error
      throw new CannotCheck('see database above.', 'Repair the database first.')
    }
  }

  /**
   * Undefined if there is no embedded registry yet.
   * @throws {CannotCheck} if the database does not answer, is not running, or has the migrations of
   * another version
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
        'the schema of the database does not match this version of ports.',
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
