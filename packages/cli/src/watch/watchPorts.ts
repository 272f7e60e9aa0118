import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AuditConflict,
  type AuditResult,
  EXIT_STATUS,
  type PortAllocation,
  type PortManager,
  type PortSummary,
  PortsError,
  toSeconds,
} from '@ports/core'
import { actualOf, counts } from '../auditText.js'
import type { Context } from '../Context.js'
import { inJson } from '../inJson.js'
import { Changes } from './Changes.js'
import { howItEnded } from './howItEnded.js'
import { nearlyFull } from './nearlyFull.js'

/** The longest time that the registry may take for an answer. */
const ANSWER_TIMEOUT_MS = 30_000

/** What one look at the host and the registry shows. */
interface Look {
  readonly audit: AuditResult
  readonly full: readonly PortSummary[]
  readonly held: readonly PortAllocation[]
}

/**
 * Audits this host until the command is interrupted, and prints the differences from the audit
 * before. Starts the registry for the first audit only: later, somebody may have stopped it.
 */
export async function watchPorts(context: Context, everyMs: number): Promise<void> {
  const { openManager, askRunning, output, signal } = context
  const manager = await openManager()
  const conflicts = new Changes<AuditConflict>(keyOf)
  const full = new Changes<PortSummary>(({ projectName }) => projectName)
  const tell = (what: string, text: string, details: object) => {
    const at = new Date()
    output.event({ at, what, ...details }, () => `${toSeconds(at)} ${text}`)
  }
  let isFirst = true
  let failedWith: string | undefined
  for (;;) {
    try {
      const question = (ports: PortManager) => look(ports, signal)
      const seen = isFirst ? await question(manager) : await askRunning(question, ANSWER_TIMEOUT_MS)
      if (!seen) throw new PortsError('NO_REGISTRY', 'There is no registry any more.')
      const { conflicts: found, unverifiedPorts: _, ...numbers } = seen.audit
      if (failedWith !== undefined) tell('recovered', 'The registry answers again.', {})
      failedWith = undefined
      if (isFirst) tell('audited', counts(seen.audit), numbers)
      isFirst = false
      const { begun, ended } = conflicts.to(found)
      for (const each of ended) {
        tell('ended', `${nameOf(each)}: ${howItEnded(each, seen.audit, seen.held)}`, each)
      }
      for (const each of begun) tell('began', `${nameOf(each)}: ${actualOf(each)}`, each)
      for (const each of full.to(seen.full).begun) tell('nearly-full', fullText(each), asJson(each))
    } catch (error) {
      // The database may come back.
      if (signal.aborted || !isOutage(error)) throw error
      const { code, message } = error
      if (code !== failedWith) tell('failed', `${message} ${GOES_ON}`, { code })
      failedWith = code
    }
    await sleep(everyMs, undefined, { signal })
  }
}

const GOES_ON = 'The watch starts no registry, and goes on when it answers again.'

async function look(ports: PortManager, signal: AbortSignal): Promise<Look> {
  const { hostname } = ports.scope()
  const audit = await ports.auditPorts({ hostname, signal })
  const full = await nearlyFull(ports, signal)
  return { audit, full, held: await ports.listAll({ hostname, signal }) }
}

function fullText({ projectName, allocatedPorts, totalPorts, allocatableNow }: PortSummary) {
  return (
    `${projectName} holds ${allocatedPorts} of its ${totalPorts} ports, and ${allocatableNow} can be ` +
    'allocated now'
  )
}

function asJson(summary: PortSummary): object {
  return inJson(summary) as object
}

function keyOf({ kind, port, hostname, protocol, expected, process }: AuditConflict): string {
  return [kind, port, hostname, protocol, expected, process?.pid].join(' ')
}

function nameOf({ port, expected }: AuditConflict): string {
  return `${port} ${expected}`
}

const OUTAGE_STATUS: number = EXIT_STATUS.DATABASE_UNAVAILABLE

function isOutage(error: unknown): error is PortsError {
  return error instanceof PortsError && EXIT_STATUS[error.code] === OUTAGE_STATUS
}
