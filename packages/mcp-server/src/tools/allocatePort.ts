import { nameOfRange, nameOfService, othersToTell } from '@ports/core'
import { z } from 'zod'
import { metadata, scope, service, ttlSeconds } from '../arguments.js'
import { defineTool } from '../defineTool.js'
import { heldPort } from '../heldPort.js'
import { placeOf } from '../placeOf.js'
import { sharing, sharingOf } from '../sharing.js'

export const allocatePort = defineTool({
  name: 'allocate-port',
  title: 'Allocate additional ports',
  description:
    'Allocates one or more new ports on every call. Only for a service that needs several at once; ' +
    'for its first or only port use get-port.',
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: false,
    openWorldHint: false,
  },
  input: z.strictObject({
    ...service,
    ...metadata,
    ...scope,
    count: z.number().optional().meta({ type: 'integer', minimum: 1, maximum: 1000 }),
    ttlSeconds: ttlSeconds.describe('Released after this time; default: never'),
    contiguous: z.boolean().optional().describe('Consecutive numbers'),
    idempotencyKey: z
      .string()
      .optional()
      .describe('Any text; a repeated call with the same one gives the same port'),
  }),
  output: heldPort.extend({
    ports: z.array(z.number()).optional().describe('All, if there are several'),
    portRange: z.string().optional().describe('e.g. 3100-3199'),
    portsRemaining: z.number().optional(),
    ...sharing,
  }),
  async run(manager, { serviceName, ...given }, call, root) {
    const {
      projectName,
      instance,
      directory,
      note: place,
    } = await placeOf(manager, given, root, call)
    const options = { ...given, instance }
    const held = manager.service(projectName, serviceName, options)
    const { hostname, protocol } = held
    const { count, ...asked } = { ...options, ...call }
    const ports =
      count === undefined
        ? [await manager.allocate(projectName, serviceName, asked)]
        : await manager.allocate(projectName, serviceName, { ...asked, count })
    const [port] = ports as [number]
    // The port is held by now. The caller must get it, even if the summary cannot be read.
    const summary = await manager
      .getProjectSummary(projectName, { hostname, protocol, signal: call.signal })
      .catch(() => undefined)
    const { cloudflareHostname } = options
    const others = await othersToTell(manager, held, cloudflareHostname, call)
    const { note, ...shared } = sharingOf(cloudflareHostname, others)
    return {
      message:
        `${nameOfService(held)} has ${ports.length === 1 ? 'one more port' : 'more ports'}, ` +
        `${ports.join(', ')}, on ${hostname}/${protocol}.${place}${note}`,
      port,
      ports: ports.length > 1 ? ports : undefined,
      ...held,
      instance: held.instance || undefined,
      directory,
      portRange: summary?.ranges.map(nameOfRange).join(', '),
      portsRemaining: summary?.availablePorts,
      ...shared,
    }
  },
})
