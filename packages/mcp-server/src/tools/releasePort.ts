import {
  type CallOptions,
  cannotCombine,
  nameOfService,
  type PortManager,
  PortsError,
  PROTOCOLS,
} from '@ports/core'
import { z } from 'zod'
import { portNumber, type Selected, selection } from '../arguments.js'
import { defineTool } from '../defineTool.js'
import { holdsNoSuchPort } from '../holdsNoSuchPort.js'
import { heldPlaceOf } from '../placeOf.js'

export const releasePort = defineTool({
  name: 'release-port',
  title: 'Release the ports of a service',
  description:
    'Gives up the port of a service on a host; another service may get the number at once. Only for a service that is gone for good: one that is merely stopped keeps ' +
    'its port.',
  annotations: {
    readOnlyHint: false,
    destructiveHint: true,
    idempotentHint: true,
    openWorldHint: false,
  },
  input: z.strictObject({
    ...selection,
    portNumber: portNumber.optional().describe('Needed if it holds several'),
    allPorts: z.boolean().optional().describe('Gives up all of several'),
  }),
  output: z.object({
    message: z.string(),
    released: z.boolean(),
    projectName: z.string(),
    serviceName: z.string(),
    instance: z.string().optional(),
    releasedPorts: z.array(z.object({ port: z.number(), protocol: z.enum(PROTOCOLS) })),
  }),
  async run(manager, given, call, root) {
    if (given.allPorts && given.portNumber !== undefined) {
      throw cannotCombine('allPorts', given.allPorts, 'portNumber')
    }
    const { projectName, instance, note } = await heldPlaceOf(manager, given, root, call)
    const args = { ...given, projectName, instance }
    const { serviceName, hostname, protocol, allPorts } = args
    const portNumber = allPorts
      ? undefined
      : (args.portNumber ?? (await onlyPort(manager, args, call)))
    const ports = await manager.releasePorts(projectName, serviceName, hostname, {
      instance,
      protocol,
      portNumber,
      ...call,
    })
    const released = ports.length > 0
    const numbers = ports.map((port) => `${port.portNumber}/${port.protocol}`).join(', ')
    const service = manager.service(projectName, serviceName, args)
    const outcome = released
      ? `${nameOfService(service)} has given up ${numbers}.`
      : await holdsNoSuchPort(manager, args, call)
    return {
      message: `${outcome}${note}`,
      released,
      projectName,
      serviceName,
      instance: service.instance || undefined,
      releasedPorts: ports.map(({ portNumber: port, protocol }) => ({ port, protocol })),
    }
  },
})

/**
 * The number that the service holds, so that nothing else is released; undefined if it holds none.
 * @throws {PortsError} `INVALID_ARGUMENT` if it holds several
 */
async function onlyPort(
  manager: PortManager,
  { projectName, serviceName, protocol, ...rest }: Selected,
  { signal }: CallOptions,
): Promise<number | undefined> {
  const { instance, hostname } = manager.service(projectName, serviceName, { protocol, ...rest })
  const onHost = await manager.listByProject(projectName, { serviceName, hostname, signal })
  const held = onHost.filter(
    (it) => it.instance === instance && (protocol ?? it.protocol) === it.protocol,
  )
  const [first, ...others] = new Set(held.map((it) => it.portNumber))
  if (others.length === 0) return first
  const numbers = held.map((it) => `${it.portNumber}/${it.protocol}`)
  throw new PortsError(
    'INVALID_ARGUMENT',
    `${nameOfService(held[0]!)} holds several ports on ${hostname}: ${numbers.join(', ')}. Give the ` +
      'portNumber of one, or allPorts: true for all of them.',
    { field: 'portNumber', held: numbers },
  )
}
