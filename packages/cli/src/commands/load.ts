import { Command } from '@commander-js/extra-typings'
import { counted, invalidArgument, type RegistryDocument } from '@ports/core'
import type { Context } from '../Context.js'
import { readInput } from '../readInput.js'

export function loadCommand({ openManager, output, signal }: Context) {
  return new Command('load')
    .description('Load a dumped registry into one that holds no port')
    .argument('[file]', 'a document that ports dump wrote; default: standard input')
    .addHelpText('after', MORE_HELP)
    .action(async (file) => {
      const document = await readDocument(file)
      const ports = await openManager()
      await ports.load(document, { signal })
      const { ranges, reservations, limits, allocations, resting, events } = document
      const loaded = {
        ranges: ranges.length,
        // Documents of earlier versions do not have these lists.
        reservations: reservations?.length ?? 0,
        limits: limits?.length ?? 0,
        allocations: allocations.length,
        restingPorts: resting?.length ?? 0,
        events: events.length,
      }
      const parts = [
        counted(loaded.ranges, 'range'),
        ...(loaded.reservations > 0 ? [counted(loaded.reservations, 'reservation')] : []),
        ...(loaded.limits > 0 ? [counted(loaded.limits, 'limit')] : []),
        counted(loaded.allocations, 'allocation'),
        ...(loaded.restingPorts > 0 ? [counted(loaded.restingPorts, 'resting port')] : []),
        counted(loaded.events, 'event'),
      ]
      output.outcome({ loaded: true, ...loaded }, `Loaded ${parts.join(', ')}.`)
    })
}

async function readDocument(file: string | undefined): Promise<RegistryDocument> {
  const { source, content } = await readInput(file)
  try {
    return JSON.parse(content)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw invalidArgument('file', source, `what ports dump wrote (${reason})`)
  }
}

const MORE_HELP = `
It replaces the default ranges that are unused. All other ranges stay. It is refused if the registry
holds ports. Such a registry can import the ports of the document, but not its ranges, history, ids
or idempotency keys. The last example does that.

Examples:
  PORTS_DATABASE_URL=postgresql://… ports load registry.json
  jq '.allocations | sort_by(.ordinal) | map({projectName, serviceName, instance, hostname,
    protocol, portNumber, serviceType, description, cloudflareHostname})' registry.json |
    ports import --format json`
