import {
  CANNOT_SEE,
  cannotCombine,
  ensureListed,
  nameOfService,
  noteMadeFrom,
  PASS_OVER_REASONS,
  SKIP_REASONS,
  skippedText,
  toSeconds,
} from '@ports/core'
import { z } from 'zod'
import { metadata, portNumber, scope, service, ttlSeconds } from '../arguments.js'
import { defineTool } from '../defineTool.js'
import { heldPort } from '../heldPort.js'
import { placeOf } from '../placeOf.js'
import { portUse, portUseOf } from '../portUse.js'
import { sharing, sharingOf } from '../sharing.js'

export const getPort = defineTool({
  name: 'get-port',
  title: 'Get the port of a service',
  description:
    'The port of a service. Call it before you start any server or write a port into a ' +
    'configuration, and use that port: never pick one yourself. The first call allocates, every ' +
    'later one returns the same port. Also says which process listens there now.',
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  input: z.strictObject({
    ...service,
    portNumber: portNumber.optional().describe('Exactly this number, if the user wants it'),
    ttlSeconds: ttlSeconds.describe(
      'Released after this time unless get-port is called with it again; default: never',
    ),
    ...metadata,
    ...scope,
  }),
  output: heldPort.extend({
    created: z.boolean(),
    leaseEndsAt: z.string().optional().meta({ format: 'date-time' }),
    skipped: z.array(z.object({ portNumber: z.number(), reason: z.string() })).optional(),
    ...portUse,
    ...sharing,
  }),
  async run(manager, { serviceName, portNumber, ...given }, call, root) {
    const {
      projectName,
      instance,
      directory,
      note: place,
    } = await placeOf(manager, given, root, call)
    if (portNumber !== undefined && given.ttlSeconds !== undefined) {
      throw cannotCombine('ttlSeconds', given.ttlSeconds, 'portNumber')
    }
    // Arguments take precedence over what the file says of the service.
    const { hostname, protocol, ttlSeconds } = given
    const isPlain = [portNumber, hostname, protocol, ttlSeconds].every((it) => it === undefined)
    const listed =
      isPlain && directory !== undefined && manager.namedInstance(projectName) === undefined
        ? await ensureListed(manager, directory, projectName, serviceName, call)
        : undefined
    const options = { ...given, instance, ...(listed && { protocol: listed.protocol }) }
    const held = manager.service(projectName, serviceName, options)
    const asked = { ...options, ...call }
    const { allocation, cannotSee, caution, sameCloudflareHostname, ...got } =
      portNumber === undefined
        ? { caution: undefined, ...(await manager.ensure(projectName, serviceName, asked)) }
        : {
            skipped: [],
            cannotSee: [],
            ...(await manager.claim(projectName, serviceName, portNumber, asked)),
          }
    const { created, skipped } = listed ?? got
    const port = allocation.portNumber
    if (directory !== undefined) {
      await noteMadeFrom(manager, directory, [{ ...allocation, created }], call)
    }
    const { note, ...shared } = sharingOf(allocation.cloudflareHostname, sameCloudflareHostname)
    const use = await portUseOf(manager, held, port, call)
    const told = skipped.map((each) => ({ ...each, reason: SKIP_REASONS[each.reason] }))
    return {
      message:
        `${nameOfService(held)} has port ${port} on ${held.hostname}/${held.protocol}` +
        `${created ? ', allocated just now' : ''}. The service keeps it until ` +
        (allocation.leaseEndsAt
          ? `${toSeconds(allocation.leaseEndsAt)}, or longer if get-port is called again with ` +
            `ttlSeconds before then.${place}`
          : `it is released.${place}`) +
        skippedText(skipped)
          .map((each) => ` ${each}`)
          .join('') +
        cannotSee.map((each) => ` ${CANNOT_SEE[each]}`).join('') +
        (caution && !(caution === 'busy' && use.listening)
          ? ` Note on ${port}: ${PASS_OVER_REASONS[caution]}.`
          : '') +
        use.note +
        note,
      port,
      created,
      leaseEndsAt: allocation.leaseEndsAt?.toISOString(),
      skipped: told.length > 0 ? told : undefined,
      listening: use.listening,
      listeners: use.listeners,
      ...held,
      instance: held.instance || undefined,
      directory,
      ...shared,
    }
  },
})
