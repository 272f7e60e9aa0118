import { Argument, Option } from '@commander-js/extra-typings'
import { PROTOCOLS, type Protocol } from '@ports/core'
import { typedNumber } from './typedNumber.js'
import { typedSeconds } from './typedTime.js'

export const projectArgument = new Argument(
  '<project>',
  'can be omitted where a ports.json names it',
)

/** For commands whose project may be absent. */
export const allOption = new Option('--all', 'all projects, even where a ports.json names one')

export const hostnameOption = new Option(
  '--hostname <host>',
  'the host it runs on; default: this host',
)

export const rangeHostOption = new Option(
  '--hostname <host>',
  'the only host on which it owns the numbers; default: every host',
)

export const everyHostOption = new Option(
  '--hostname <host>',
  'only on that host; default: every host',
)

export const instanceOption = new Option(
  '--instance <name>',
  'the copy of the project; default: the one in this directory',
)

export const protocolOption = protocol('default: tcp')

/** For commands that mean all ports of a service unless told otherwise. */
export const onlyProtocolOption = protocol('default: both')

export const onlyPortOption = new Option('--port <number>', 'only this one of its ports').argParser(
  typedNumber,
)

export const ttlOption = new Option(
  '--ttl <time>',
  'a lease: release the port after this time, unless it is renewed; such as 90s, 10m or 2h',
).argParser(typedSeconds('ttl'))

export const idOption = new Option(
  '--id <id>',
  'only the allocation with this id, from get --json or list --json; refused if it has ended',
)

export const typeOption = new Option('--type <text>', 'what kind of service it is')

export const descriptionOption = new Option('--description <text>', 'what it is for')

export const cloudflareHostnameOption = new Option(
  '--cloudflare-hostname <host>',
  'the name under which a Cloudflare tunnel publishes it',
)

export const useReservationOption = new Option(
  '--use-reservation',
  'take the number even if it is reserved',
)

function protocol(description: string) {
  return (
    new Option('--protocol <protocol>', description)
      .choices(PROTOCOLS)
      // Core judges the text, so that it gives the same error at every interface.
      .argParser((text) => text as Protocol)
  )
}
