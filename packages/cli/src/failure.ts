import { debuglog } from 'node:util'
import { EXIT_STATUS, excerpt, PortsError } from '@ports/core'
import { asTyped } from './asTyped.js'
import { type Asked, hintsOf, outageHints } from './hints.js'
import { inJson } from './inJson.js'

/** The failure of a command, as it is reported to the caller. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly details: unknown
  readonly status: number
}

/** The longest excerpt of a library's message, in characters. */
const MAX_SUMMARY = 500

/** EX_SOFTWARE of sysexits.h: not a status that a foreseeable error has. */
const BUG_STATUS = 70

/**
 * Describes what was thrown. Anything but a `PortsError` is a bug; NODE_DEBUG=ports shows where.
 */
export async function failureOf(error: unknown, asked: Asked): Promise<Failure> {
  if (error instanceof PortsError) {
    const { code, details, message: text } = asTyped(error)
    const message = [text, ...(await hintsOf(error, asked))].join('\n')
    return { code, message, details: inJson(details), status: EXIT_STATUS[code] }
  }
  debuglog('ports')('%o', error)
  // Takes the last line, because long messages of libraries say at the end what went wrong.
  const text = error instanceof Error ? error.message : String(error)
  const summary = excerpt(text.trim().split('\n').at(-1) ?? '', MAX_SUMMARY)
  const bug = 'This is a bug in ports; with NODE_DEBUG=ports it shows where.'
  return {
    code: 'INTERNAL_ERROR',
    message: [summary, bug, ...outageHints(asked)].join('\n'),
    details: {},
    status: BUG_STATUS,
  }
}
