import { Command } from '@commander-js/extra-typings'
import { type Sighting, unverifiable } from '@ports/core'
import type { Context } from '../Context.js'
import { hostnameOption, protocolOption } from '../serviceOptions.js'
import { typedNumber } from '../typedNumber.js'

export function verifyCommand({ openManager, output, signal, answerNo }: Context) {
  return new Command('verify')
    .description('Tell whether something is listening on a port')
    .argument('<port>', '', typedNumber)
    .addOption(hostnameOption)
    .addOption(protocolOption)
    .addHelpText('after', MORE_HELP)
    .action(async (port, { hostname, protocol }) => {
      const ports = await openManager()
      const sighting = await ports.inspectPort(port, hostname, protocol, { signal })
      if (sighting.verdict === 'unknown') throw unverifiable(sighting)
      const { verdict, ...seen } = sighting
      const listening = verdict === 'listening'
      output.result({ ...seen, listening }, () => inWords(sighting))
      if (!listening) answerNo()
    })
}

function inWords(sighting: Exclude<Sighting, { verdict: 'unknown' }>): string {
  if (sighting.verdict === 'not-listening') {
    return sighting.heldBy ? 'not listening, held by a connection' : 'not listening'
  }
  const addresses = new Set(sighting.listeners?.map(({ address }) => address))
  return addresses.size > 1 ? `listening on ${[...addresses].join(', ')}` : 'listening'
}

const MORE_HELP = `
An address stands for itself; a name, or no host, for all addresses of the host.
With --json it shows who listens there, by address and uid, and a connection that
holds the number.

Example:
  ports verify 3100 && echo the api is up`
