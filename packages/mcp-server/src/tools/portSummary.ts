import { counted, nameOfRange } from '@ports/core'
import { z } from 'zod'
import { projectName, scope } from '../arguments.js'
import { defineTool } from '../defineTool.js'

export const portSummary = defineTool({
  name: 'port-summary',
  title: 'Summarize the ranges of a project',
  description:
    "A project's ranges and how much of them is left on one host and protocol. For the single " +
    'ports use list-ports.',
  annotations: {
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  input: z.strictObject({ projectName, ...scope }),
  output: z.object({
    message: z.string(),
    projectName: z.string(),
    summary: z.object({
      rangeStart: z.number(),
      rangeEnd: z.number(),
      ranges: z.array(z.object({ startPort: z.number(), endPort: z.number() })),
      totalPorts: z.number(),
      allocatedPorts: z.number(),
      availablePorts: z.number(),
      utilizationPercent: z.number(),
    }),
  }),
  async run(manager, { projectName, ...options }, { signal }) {
    const summary = await manager.getProjectSummary(projectName, { ...options, signal })
    const { rangeStart, rangeEnd, ranges, totalPorts, allocatedPorts, availablePorts } = summary
    return {
      message:
        `${projectName} holds ${allocatedPorts} of its ${counted(totalPorts, 'port')} ` +
        `(${ranges.map(nameOfRange).join(', ')}) on ${summary.hostname}/${summary.protocol}; ` +
        `${availablePorts} available.`,
      projectName,
      summary: {
        rangeStart,
        rangeEnd,
        ranges: [...ranges],
        totalPorts,
        allocatedPorts,
        availablePorts,
        utilizationPercent: summary.utilization,
      },
    }
  },
})
