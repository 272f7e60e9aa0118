import { type AuditConflict, type AuditResult, CONFLICT_KINDS, counted } from '@ports/core'
import { z } from 'zod'
import { projectName } from '../arguments.js'
import { defineTool } from '../defineTool.js'
import { shownCommand } from '../shownCommand.js'

/** Enough to act on; a large registry must not flood a model. */
const MAX_SHOWN = 200

/**
 * Every model pays for the bytes of a schema. It has the decisive fields, and each item has more.
 */
const conflict = z.looseObject({
  port: z.number(),
  expected: z.string(),
  kind: z.enum(CONFLICT_KINDS),
  actual: z.string(),
})

const unverifiedPort = z.looseObject({ port: z.number(), expected: z.string(), reason: z.string() })

export const auditPorts = defineTool({
  name: 'audit-ports',
  title: 'Audit ports',
  description:
    'Compares the registry with what listens now. Other hosts are checked by connecting. Reports ' +
    'which services are up, strangers on held numbers, and numbers in use that nobody holds. ' +
    'Records the status of each port; releases nothing. A service that is down keeps its port.',
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    // Every audit adds to the history of health checks.
    idempotentHint: false,
    openWorldHint: true,
  },
  input: z.strictObject({ projectName: projectName.optional().describe('Default: all') }),
  output: z.object({
    message: z.string(),
    summary: z.object({
      allocated: z.number(),
      inUse: z.number(),
      notRunning: z.number(),
      unverified: z.number(),
      healthPercentage: z.number().optional().describe('Share of verified ports in use'),
    }),
    conflicts: z.array(conflict),
    unverifiedPorts: z.array(unverifiedPort),
  }),
  async run(manager, { projectName }, { signal }) {
    const audit = await manager.auditPorts({ projectName, signal })
    const { allocated, inUse, notRunning, unverified } = audit
    const conflicts = audit.conflicts.slice(0, MAX_SHOWN).map(shownConflict)
    const unverifiedPorts = audit.unverifiedPorts
      .slice(0, MAX_SHOWN)
      .map(({ actual: _, ...port }) => port)
    const rest =
      conflicts.length < audit.conflicts.length || unverifiedPorts.length < unverified
        ? ` The first ${MAX_SHOWN} of each list are shown; list-ports has the status of all.`
        : ''
    return {
      message:
        `${counted(allocated, 'allocated port')}: ${inUse} in use, ${notRunning} not running, ` +
        `${unverified} unverified.${rest}`,
      summary: {
        allocated,
        inUse,
        notRunning,
        unverified,
        healthPercentage: healthPercentage(audit),
      },
      conflicts,
      unverifiedPorts,
    }
  },
})

function shownConflict({ process, ...conflict }: AuditConflict) {
  if (!process) return conflict
  const { command, ...rest } = process
  const shown = command === undefined ? {} : { command: shownCommand(command) }
  return { ...conflict, process: { ...rest, ...shown } }
}

/** Undefined if there are ports and nothing is known of any. */
function healthPercentage({ inUse, notRunning, unverified }: AuditResult): number | undefined {
  const verified = inUse + notRunning
  if (verified === 0) return unverified === 0 ? 100 : undefined
  return Math.round((inUse / verified) * 10_000) / 100
}
