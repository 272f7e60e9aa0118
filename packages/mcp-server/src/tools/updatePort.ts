import { nameOfService, othersToTell } from '@ports/core'
import { z } from 'zod'
import { metadataChange, selection } from '../arguments.js'
import { defineTool } from '../defineTool.js'
import { holdsNoSuchPort } from '../holdsNoSuchPort.js'
import { sharing, sharingOf } from '../sharing.js'

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
  input: z.strictObject({
    ...selection,
    allHosts: z.boolean().optional().describe('On every host, not only on one'),
    ...metadataChange,
  }),
  output: z.object({
    message: z.string(),
    updated: z.boolean(),
    projectName: z.string(),
    serviceName: z.string(),
    ...sharing,
  }),
  async run(manager, args, call) {
    const {
      projectName,
      serviceName,
      instance,
      hostname,
      allHosts,
      protocol,
      portNumber,
      ...change
    } = args
    const which = { instance, hostname, allHosts, protocol, portNumber }
    const updated = await manager.updatePort(projectName, serviceName, change, {
      ...which,
      ...call,
    })
    const stored = updated ? change.cloudflareHostname : undefined
    const service = manager.service(projectName, serviceName, args)
    const { note, ...shared } = sharingOf(
      stored,
      await othersToTell(manager, service, stored, call),
    )
    return {
      message: updated
        ? `${nameOfService(service)} is updated.${note}`
        : await holdsNoSuchPort(manager, args, call),
      updated,
      projectName,
      serviceName,
      ...shared,
    }
  },
})
