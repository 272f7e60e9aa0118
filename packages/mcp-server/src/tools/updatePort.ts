import { nameOfService } from '@ports/core'
import { z } from 'zod'
import { metadataChange, selection } from '../arguments.js'
import { defineTool } from '../defineTool.js'
import { holdsNoSuchPort } from '../holdsNoSuchPort.js'

export const updatePort = defineTool({
  name: 'update-port',
  title: 'Update what is said about a port',
  description:
    "Changes a service's type, description or Cloudflare hostname: a text sets, null clears, " +
    'what is left out stays. Never changes the port.',
  annotations: {
    readOnlyHint: false,
    destructiveHint: true,
    idempotentHint: true,
    openWorldHint: false,
  },
  input: z.strictObject({ ...selection, ...metadataChange }),
  output: z.object({
    message: z.string(),
    updated: z.boolean(),
    projectName: z.string(),
    serviceName: z.string(),
  }),
  async run(manager, args, call) {
    const { projectName, serviceName, instance, hostname, protocol, portNumber, ...change } = args
    const updated = await manager.updatePort(projectName, serviceName, change, {
      instance,
      hostname,
      protocol,
      portNumber,
      ...call,
    })
    return {
      message: updated
        ? `${nameOfService(manager.service(projectName, serviceName, args))} is updated.`
        : await holdsNoSuchPort(manager, args, call),
      updated,
      projectName,
      serviceName,
    }
  },
})
