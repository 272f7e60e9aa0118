import { counted, nameOfRange, type PortRange } from '@ports/core'
import { z } from 'zod'
import { projectName, scope } from '../arguments.js'
import { defineTool } from '../defineTool.js'

/** Enough to choose from. The list of a large registry must not flood a model. */
const MAX_SHOWN = 200

const bounds = { startPort: z.number(), endPort: z.number() }

export const portSummary = defineTool({
  name: 'port-summary',
  title: 'Summarize ranges',
  description:
    "A project's ranges and how much of them is left on one host and protocol; without a project, " +
    'the ranges of all projects. For individual ports use list-ports.',
  annotations: {
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  input: z.strictObject({
    projectName: projectName.optional().describe('Default: all projects'),
    ...scope,
  }),
  output: z.object({
    message: z.string(),
    projectName: z.string().optional(),
    summary: z
      .looseObject({
        totalPorts: z.number(),
        allocatedPorts: z.number(),
        availablePorts: z.number(),
        allocatableNow: z.number(),
      })
      .optional(),
    ranges: z
      .array(z.object({ projectName: z.string(), ...bounds, hostname: z.string().optional() }))
      .optional()
      .describe('The ranges of all projects'),
  }),
  async run(manager, { projectName, ...options }, { signal }) {
    if (projectName === undefined) {
      const host = options.hostname === undefined ? undefined : manager.scope(options).hostname
      return summaryOfAll(await manager.listRanges({ signal }), host)
    }
    const summary = await manager.getProjectSummary(projectName, { ...options, signal })
    const { rangeStart, rangeEnd, ranges, totalPorts, allocatedPorts, availablePorts } = summary
    const { reservedPorts, restingPorts, unusablePorts, allocatableNow } = summary
    const parts = [
      ...(reservedPorts > 0 ? [`${reservedPorts} reserved`] : []),
      ...(restingPorts > 0 ? [`${restingPorts} resting`] : []),
      ...(unusablePorts > 0 ? [`${unusablePorts} passed over`] : []),
    ]
    return {
      message:
        `${projectName} holds ${allocatedPorts} of its ${counted(totalPorts, 'port')} ` +
        `(${ranges.map(nameOfRange).join(', ')}) on ${summary.hostname}/${summary.protocol}; ` +
        `${availablePorts} available${parts.length > 0 ? ` (${parts.join(', ')})` : ''}.`,
      projectName,
      summary: {
        rangeStart,
        rangeEnd,
        ranges: [...ranges],
        totalPorts,
        allocatedPorts,
        availablePorts,
        allocatableNow,
        utilizationPercent: summary.utilization,
      },
    }
  },
})

/** @param host limits the answer to the ranges that count there */
function summaryOfAll(all: readonly PortRange[], host: string | undefined) {
  const ranges = all.filter(({ hostname = host }) => host === undefined || hostname === host)
  const shown = ranges.slice(0, MAX_SHOWN)
  const rest = shown.length < ranges.length ? ` The first ${MAX_SHOWN} are shown.` : ''
  return {
    message:
      `${counted(ranges.length, 'range')}${host === undefined ? '' : ` on ${host}`}, by number.` +
      `${rest} port-summary with a projectName says how full its ranges are.`,
    ranges: shown.map(({ description: _, ...range }) => range),
  }
}
