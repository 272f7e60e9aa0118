import { invalidArgument, type Metadata, PROTOCOLS, type Protocol } from '@ports/core'
import { ofEveryEntry } from './asTyped.js'
import type { Context } from './Context.js'
import { inJson } from './inJson.js'
import { printPorts } from './printPorts.js'

interface Options extends Metadata {
  readonly hostname?: string | undefined
  readonly instance?: string | undefined
  readonly protocol?: Protocol | undefined
  readonly bothProtocols?: true | undefined
  readonly count?: number | undefined
  readonly contiguous?: true | undefined
  readonly preferredPort?: number | undefined
  readonly ttlSeconds?: number | undefined
}

/** Whether this asks for more than one port of one service. */
export function asksForSeveral(services: readonly string[], options: Options): boolean {
  const { count, contiguous, bothProtocols } = options
  return services.length > 1 || [count, contiguous, bothProtocols].some((it) => it !== undefined)
}

/** Prints the ports of several services, or several ports of one, one number a line. */
export async function getSeveral(
  context: Context,
  projectName: string,
  services: readonly string[],
  options: Options,
): Promise<void> {
  const { protocol, bothProtocols, count, contiguous, preferredPort, ...rest } = options
  if (preferredPort !== undefined) {
    throw invalidArgument('prefer', preferredPort, 'left out if several ports are asked for')
  }
  const protocols = bothProtocols ? PROTOCOLS : protocol === undefined ? undefined : [protocol]
  const items = services.map((service) => ({
    service,
    ...(protocols && { protocols }),
    ...(count !== undefined && { count }),
    ...(contiguous && { contiguous }),
  }))
  const { openManager, signal } = context
  const ports = await openManager()
  const got = await ports
    .ensureMany(projectName, items, { ...rest, signal })
    .catch((error) => Promise.reject(ofEveryEntry(error)))
  // A number for both protocols is one line.
  const [first = 'tcp'] = protocols ?? []
  const shown = got.allocations.map(({ sameCloudflareHostname, ...allocation }) => allocation)
  await printPorts(context, ports, got, {
    json: { allocations: shown.map(inJson), skipped: got.skipped.map(inJson) },
    numbers: shown.filter((it) => it.protocol === first).map(({ portNumber }) => portNumber),
  })
}
