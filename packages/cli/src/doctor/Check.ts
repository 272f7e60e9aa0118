import type { Subject } from './Subject.js'

/** `unknown`: it could not be found out. */
export type FindingState = 'ok' | 'warning' | 'problem' | 'unknown'

/** What a check found. */
export interface Result {
  readonly state: FindingState
  readonly message: string
  /** A command, or a sentence. */
  readonly fix?: string
}

/** A result, with the name of its check. */
export interface Finding extends Result {
  readonly check: string
}

/** A look at one thing. It writes, makes, starts and records nothing. */
export interface Check {
  readonly name: string
  /** Default: `CHECK_TIMEOUT_MS`. */
  readonly timeoutMs?: number
  /** Whatever it throws becomes a finding that is unknown. */
  run(subject: Subject): Promise<readonly Result[]>
}
