import {
  type AuditConflict,
  type AuditResult,
  type AuditUnverified,
  counted,
  PROTOCOLS,
} from '@ports/core'
import { z } from 'zod'
import { defineTool } from '../defineTool.js'

/** Enough to act on; a large registry must not flood a model. */
const MAX_SHOWN = 200

const audited = {
  port: z.number(),
  expected: z.string().describe('project/service'),
  hostname: z.string(),
  protocol: z.enum(PROTOCOLS),
}

const conflict = z.object({
  ...audited,
  actual: z.enum(['not running', 'held by a connection', 'in use by another user']),
  uid: z.number().optional(),
}) satisfies z.ZodType<AuditConflict>

/** The list says that it is unverified; every model pays for the bytes of a schema. */
const unverifiedPort = z.object({
  ...audited,
  reason: z.string(),
}) satisfies z.ZodType<Omit<AuditUnverified, 'actual' | 'reason'>>

export const auditPorts = defineTool({
  name: 'audit-ports',
  title: 'Audit ports',
  description:
    'Compares the registry with what is listening now, on this host and, by connecting, on ' +
    'others. Answers "which services are up". Records the outcome as the status of each port; ' +
    'releases nothing. A service that is not running keeps its port.',
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    // Every audit adds to the history of health checks.
    idempotentHint: false,
    openWorldHint: true,
  },
  input: z.strictObject({}),
  output: z.object({
    message: z.string(),
    summary: z.object({
      allocated: z.number(),
      inUse: z.number(),
      notRunning: z.number(),
      unverified: z.number(),
      healthPercentage: z.number().optional().describe('Of the verified'),
    }),
    conflicts: z.array(conflict),
    unverifiedPorts: z.array(unverifiedPort),
  }),
  async run(manager, _args, { signal }) {
    const audit = await manager.auditPorts({ signal })
    const { allocated, inUse, notRunning, unverified } = audit
    const conflicts = audit.conflicts.slice(0, MAX_SHOWN)
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

/** Undefined if there are ports and nothing is known of any. */
function healthPercentage({ inUse, notRunning, unverified }: AuditResult): number | undefined {
  const verified = inUse + notRunning
  if (verified === 0) return unverified === 0 ? 100 : undefined
  return Math.round((inUse / verified) * 10_000) / 100
}
