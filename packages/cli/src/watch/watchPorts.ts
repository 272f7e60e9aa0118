import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AuditConflict,
  EXIT_STATUS,
  type PortSummary,
  PortsError,
  toSeconds,
} from '@ports/core'
import { actualOf, counts } from '../auditText.js'
import type { Context } from '../Context.js'
import { inJson } from '../inJson.js'
import { Changes } from './Changes.js'
import { nearlyFull } from './nearlyFull.js'

/**
 * Audits this host until the command is interrupted, and prints the differences from the audit
 * before.
 */
export async function watchPorts(context: Context, everyMs: number): Promise<void> {
  const { openManager, output, signal } = context
  const ports = await openManager()
  const { hostname } = ports.scope()
  const conflicts = new Changes<AuditConflict>(keyOf)
  const full = new Changes<PortSummary>(({ projectName }) => projectName)
  const tell = (what: string, text: string, details: object) => {
    const at = new Date()
    output.event({ at, what, ...details }, () => `${toSeconds(at)} ${text}`)
  }
  let isFirst = true
  for (;;) {
    try {
      const audit = await ports.auditPorts({ hostname, signal })
      const { conflicts: found, unverifiedPorts: _, ...numbers } = audit
      if (isFirst) tell('audited', counts(audit), numbers)
      isFirst = false
      const { begun, ended } = conflicts.to(found)
      for (const each of ended) tell('ended', `${nameOf(each)}: ${endOf(each)}`, each)
      for (const each of begun) tell('began', `${nameOf(each)}: ${actualOf(each)}`, each)
      for (const each of full.to(await nearlyFull(ports, signal)).begun) {
        const { projectName, allocatedPorts, totalPorts } = each
        const text = `${projectName} holds ${allocatedPorts} of its ${totalPorts} ports`
        tell('nearly-full', text, inJson(each) as object)
      }
    } catch (error) {
      // The database may come back.
      if (signal.aborted || !isOutage(error)) throw error
      tell('failed', error.message, { code: error.code })
    }
    await sleep(everyMs, undefined, { signal })
  }
}

function keyOf({ kind, port, hostname, protocol, expected, process }: AuditConflict): string {
  return [kind, port, hostname, protocol, expected, process?.pid].join(' ')
}

function nameOf({ port, expected }: AuditConflict): string {
  return `${port} ${expected}`
}

function endOf({ kind }: AuditConflict): string {
  return kind === 'not-running' || kind === 'idle'
    ? 'something listens again, or the port was released'
    : `no longer ${kind.replaceAll('-', ' ')}`
}

const OUTAGE_STATUS: number = EXIT_STATUS.DATABASE_UNAVAILABLE

function isOutage(error: unknown): error is PortsError {
  return error instanceof PortsError && EXIT_STATUS[error.code] === OUTAGE_STATUS
}
