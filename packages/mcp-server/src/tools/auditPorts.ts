import { type AuditConflict, PROTOCOLS } from '@ports/core'
import { z } from 'zod'
import { defineTool } from '../defineTool.js'

/** Enough to act on; a large registry must not flood a model. */
const MAX_CONFLICTS = 200

const conflict = z.object({
  port: z.number(),
  expected: z.string().describe('project/service'),
  actual: z.literal('not running'),
  hostname: z.string(),
  protocol: z.enum(PROTOCOLS),
}) satisfies z.ZodType<AuditConflict>

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
      healthPercentage: z.number().describe('Of those that could be verified'),
    }),
    conflicts: z.array(conflict),
  }),
  async run(manager, _args, { signal }) {
    const { allocated, inUse, notRunning, unverified, conflicts } = await manager.auditPorts({
      signal,
    })
    const shown = conflicts.slice(0, MAX_CONFLICTS)
    const rest =
      shown.length < conflicts.length
        ? ` The first ${shown.length} that are not running are shown; list-ports has the status of all.`
        : ''
    return {
      message:
        `Of ${allocated} allocated ports ${inUse} are in use, ${notRunning} not running, ` +
        `${unverified} could not be verified.${rest}`,
      summary: {
        allocated,
        inUse,
        notRunning,
        unverified,
        healthPercentage: healthPercentage(inUse, notRunning),
      },
      conflicts: shown,
    }
  },
})

function healthPercentage(inUse: number, notRunning: number): number {
  const verified = inUse + notRunning
  return verified === 0 ? 100 : Math.round((inUse / verified) * 10_000) / 100
}
