import { counted } from '@ports/core'
import { z } from 'zod'
import { projectName, scope } from '../arguments.js'
import { defineTool } from '../defineTool.js'

export const portSummary = defineTool({
  name: 'port-summary',
  title: 'Summarize the range of a project',
  description:
    "A project's range and how much of it is left on one host and protocol. For the single " +
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
      totalPorts: z.number(),
      allocatedPorts: z.number(),
      availablePorts: z.number(),
      utilizationPercent: z.number(),
    }),
  }),
  async run(manager, { projectName, ...options }, { signal }) {
    const summary = await manager.getProjectSummary(projectName, { ...options, signal })
    const { rangeStart, rangeEnd, totalPorts, allocatedPorts, availablePorts } = summary
    return {
      message:
        `${projectName} holds ${allocatedPorts} of its ${counted(totalPorts, 'port')} ` +
        `(${rangeStart}-${rangeEnd}) on ${summary.hostname}/${summary.protocol}; ` +
        `${availablePorts} available.`,
      projectName,
      summary: {
        rangeStart,
        rangeEnd,
        totalPorts,
        allocatedPorts,
        availablePorts,
        utilizationPercent: summary.utilization,
      },
    }
  },
})
