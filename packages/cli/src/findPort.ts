import { nameOfService, type Protocol } from '@ports/core'
import type { Context } from './Context.js'
import { heldByOthers } from './heldByOthers.js'
import { didYouMean } from './noticesOfNew.js'

interface Scoped {
  readonly instance?: string
  readonly hostname?: string
  readonly protocol?: Protocol
}

/** Prints the port of a service, else which services may have been meant. Allocates nothing. */
export async function findPort(
  context: Context,
  projectName: string,
  serviceName: string,
  scoped: Scoped,
): Promise<void> {
  const { openManager, output, signal } = context
  const ports = await openManager()
  const options = { ...scoped, signal }
  const port = await ports.find(projectName, serviceName, options)
  if (port === undefined) return tellNoPort(context, projectName, serviceName, scoped)
  const service = ports.service(projectName, serviceName, options)
  output.result({ port, ...service }, () => `${port}`)
}

/** Reports that a service has no port, and which services may have been meant. */
export async function tellNoPort(
  { openManager, output, signal, answerNo }: Context,
  projectName: string,
  serviceName: string,
  scoped: Scoped,
): Promise<void> {
  const ports = await openManager()
  const service = ports.service(projectName, serviceName, scoped)
  const [others, { services }] = await Promise.all([
    ports.instancesOf(projectName, serviceName, { ...service, signal }),
    ports.neighbourhood(projectName, { signal }),
  ])
  const none = `${nameOfService(service)} has no port on ${service.hostname}/${service.protocol}.`
  output.outcome(
    { port: null, ...service, otherInstances: others },
    [none, heldByOthers(others), didYouMean(service, services)].filter(Boolean).join('\n'),
  )
  answerNo()
}
