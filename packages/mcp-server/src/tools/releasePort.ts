import { nameOfService, PROTOCOLS } from '@ports/core'
import { z } from 'zod'
import { selection } from '../arguments.js'
import { defineTool } from '../defineTool.js'
import { holdsNoSuchPort } from '../holdsNoSuchPort.js'

export const releasePort = defineTool({
  name: 'release-port',
  title: 'Release the ports of a service',
  description:
    'Gives up all ports of a service on a host, or the one named; another service may get the ' +
    'number at once. Only for a service that is gone for good: one that is merely stopped keeps ' +
    'its port.',
  annotations: {
    readOnlyHint: false,
    destructiveHint: true,
    idempotentHint: true,
    openWorldHint: false,
  },
  input: z.strictObject(selection),
  output: z.object({
    message: z.string(),
    released: z.boolean(),
    projectName: z.string(),
    serviceName: z.string(),
    releasedPorts: z.array(z.object({ port: z.number(), protocol: z.enum(PROTOCOLS) })),
  }),
  async run(manager, args, call) {
    const { projectName, serviceName, hostname, ...narrow } = args
    const ports = await manager.releasePorts(projectName, serviceName, hostname, {
      ...narrow,
      ...call,
    })
    const released = ports.length > 0
    const numbers = ports.map((port) => `${port.portNumber}/${port.protocol}`).join(', ')
    const name = nameOfService(manager.service(projectName, serviceName, args))
    return {
      message: released
        ? `${name} has given up ${numbers}.`
        : await holdsNoSuchPort(manager, args, call),
      released,
      projectName,
      serviceName,
      releasedPorts: ports.map(({ portNumber: port, protocol }) => ({ port, protocol })),
    }
  },
})
