import { z } from 'zod'
import { metadata, scope, service } from '../arguments.js'
import { defineTool } from '../defineTool.js'
import { heldPort } from '../heldPort.js'

export const allocatePort = defineTool({
  name: 'allocate-port',
  title: 'Allocate an additional port',
  description:
    'One more port for a service, at every call another. Only for a service that needs several ' +
    'at once; for its first or only port use get-port.',
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: false,
    openWorldHint: false,
  },
  input: z.strictObject({ ...service, ...metadata, ...scope }),
  output: heldPort.extend({
    portRange: z.string().describe('e.g. 3100-3199'),
    portsRemaining: z.number(),
  }),
  async run(manager, { projectName, serviceName, ...options }, { signal }) {
    // Asked first: a failure after the allocation would hide from the caller that it holds a port.
    const summary = await manager.getProjectSummary(projectName, { ...options, signal })
    const port = await manager.allocate(projectName, serviceName, { ...options, signal })
    const { hostname, protocol } = summary
    return {
      message: `${projectName}/${serviceName} has one more port, ${port}, on ${hostname}/${protocol}.`,
      port,
      projectName,
      serviceName,
      hostname,
      protocol,
      portRange: `${summary.rangeStart}-${summary.rangeEnd}`,
      portsRemaining: Math.max(0, summary.availablePorts - 1),
    }
  },
})
