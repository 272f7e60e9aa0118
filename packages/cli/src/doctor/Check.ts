import type { Subject } from './Subject.js'

/** `unknown`: the check could not be done. */
export type FindingState = 'ok' | 'warning' | 'problem' | 'unknown'

/** One thing that a check found. */
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

/** A check of one aspect. It must not write, create, start or record anything. */
export interface Check {
  readonly name: string
  /** Default: `CHECK_TIMEOUT_MS`. */
  readonly timeoutMs?: number
  /** An error that it throws becomes a finding with the state `unknown`. */
  run(subject: Subject): Promise<readonly Result[]>
}
