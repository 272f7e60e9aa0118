import { invalidArgument, type Metadata, PROTOCOLS, type Protocol, SKIP_REASONS } from '@ports/core'
import type { Context } from './Context.js'
import { inJson } from './inJson.js'

interface Options extends Metadata {
  readonly hostname?: string | undefined
  readonly instance?: string | undefined
  readonly protocol?: Protocol | undefined
  readonly bothProtocols?: true | undefined
  readonly count?: number | undefined
  readonly contiguous?: true | undefined
  readonly preferredPort?: number | undefined
}

/** Whether this asks for more than one port of one service. */
export function asksForSeveral(services: readonly string[], options: Options): boolean {
  const { count, contiguous, bothProtocols } = options
  return services.length > 1 || [count, contiguous, bothProtocols].some((it) => it !== undefined)
}

/** Prints the ports of several services, or several ports of one, one number a line. */
export async function getSeveral(
  { openManager, output, signal }: Context,
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
  const ports = await openManager()
  const { allocations, skipped } = await ports.ensureMany(projectName, items, { ...rest, signal })
  // A number for both protocols is one line.
  const [first = 'tcp'] = protocols ?? []
  const lines = allocations.filter((it) => it.protocol === first)
  output.result(inJson({ allocations, skipped }), () =>
    lines.map(({ portNumber }) => portNumber).join('\n'),
  )
  for (const { portNumber, protocol, reason } of skipped) {
    output.notice(`Skipped ${portNumber}/${protocol}: ${SKIP_REASONS[reason]}.`)
  }
}
