import { nameOfService, othersToTell } from '@ports/core'
import { z } from 'zod'
import { metadataChange, selection } from '../arguments.js'
import { defineTool } from '../defineTool.js'
import { holdsNoSuchPort } from '../holdsNoSuchPort.js'
import { heldPlaceOf } from '../placeOf.js'
import { sharing, sharingOf } from '../sharing.js'

export const updatePort = defineTool({
  name: 'update-port',
  title: "Update a port's metadata",
  description:
    "Changes a service's type, description or Cloudflare hostname: text sets a field, null " +
    'clears it, omitted fields stay. Never changes the port.',
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
    instance: z.string().optional(),
    ...sharing,
  }),
  async run(manager, given, call, root) {
    const { projectName, instance, note: place } = await heldPlaceOf(manager, given, root, call)
    const args = { ...given, projectName, instance }
    const { serviceName, hostname, allHosts, protocol, portNumber } = args
    const { serviceType, description, cloudflareHostname } = args
    const change = { serviceType, description, cloudflareHostname }
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
    const outcome = updated
      ? `${nameOfService(service)} is updated.${note}`
      : await holdsNoSuchPort(manager, args, call)
    return {
      message: `${outcome}${place}`,
      updated,
      projectName,
      serviceName,
      instance: service.instance || undefined,
      ...shared,
    }
  },
})
