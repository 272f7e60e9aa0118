import { Command, Option } from '@commander-js/extra-typings'
import { type Sighting, unverifiable } from '@ports/core'
import type { Context } from '../Context.js'
import { hostnameOption, protocolOption } from '../serviceOptions.js'
import { typedNumber } from '../typedNumber.js'
import { verifyMine } from '../verifyMine.js'

export function verifyCommand(context: Context) {
  const { openManager, output, signal, answerNo } = context
  return new Command('verify')
    .description('Check whether something is listening on a port')
    .argument('[port]', 'the number; with --mine also a service, project/service, or nothing')
    .addOption(hostnameOption)
    .addOption(protocolOption)
    .addOption(
      new Option('--mine', 'require that every listener runs from this checkout').conflicts(
        'hostname',
      ),
    )
    .addHelpText('after', MORE_HELP)
    .action(async (typed, { hostname, protocol, mine }, command) => {
      if (mine) return verifyMine(context, typed, protocol)
      if (typed === undefined) return command.error('give a port, or --mine')
      const ports = await openManager()
      const port = typedNumber(typed)
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
For an address, it checks only that address. For a name, or without --hostname, it checks all
addresses of the host. --json also has the address and uid of each listener, and whether a
connection holds the number.

With --mine the status is 0 only if every process that listens on the port of a service runs from
the checkout in this directory, and none was started for another service. Without a port it checks
the port of the service here. A test suite that runs it first does not talk to the server of another
worktree.

Examples:
  ports verify 3100 && echo the api is up
  ports verify --mine web && npm run e2e`
