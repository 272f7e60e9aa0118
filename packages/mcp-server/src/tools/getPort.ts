import { nameOfService } from '@ports/core'
import { z } from 'zod'
import { metadata, scope, service } from '../arguments.js'
import { defineTool } from '../defineTool.js'
import { heldPort } from '../heldPort.js'

export const getPort = defineTool({
  name: 'get-port',
  title: 'Get the port of a service',
  description:
    'The port of a service. Call it before you start any server or write a port into a ' +
    'configuration, and use that port: never pick one yourself. The first call allocates, every ' +
    'later one returns the same port.',
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  input: z.strictObject({ ...service, ...metadata, ...scope }),
  output: heldPort,
  async run(manager, { projectName, serviceName, ...options }, call) {
    const held = manager.service(projectName, serviceName, options)
    const port = await manager.getOrAllocate(projectName, serviceName, { ...options, ...call })
    return {
      message:
        `${nameOfService(held)} has port ${port} on ${held.hostname}/${held.protocol}; it keeps ` +
        'it until it is released.',
      port,
      ...held,
      instance: held.instance || undefined,
    }
  },
})
