import { comparePeers } from '../peers/comparePeers.js'
import { getPort } from '../peers/getPort.js'
import { installPeers } from '../peers/installPeers.js'
import { KILLED_SERVICES, killAllocators } from '../peers/killAllocators.js'
import { ours } from '../peers/ours.js'
import type { OpenPeer } from '../peers/Peer.js'
import { Programs } from '../peers/Programs.js'
import { portRegistry } from '../peers/portRegistry.js'
import { portserver } from '../peers/portserver.js'
import { portsOfNpm } from '../peers/portsOfNpm.js'
import { RunningProcesses } from '../peers/RunningProcesses.js'
import type { Context } from '../Section.js'

export const title = 'Compared with other programs'

const intro = `All programs get the same load, and their answers are checked in the same way. Many processes at once ask for ports of different services. A *failure* is no number in time, a *duplicate* a number that another service got before. \`port-registry\`, \`ports\` and \`get-port\` are packages from npm, portserver comes with Debian's python3-portpicker. Each is used as its documentation says, and a server that exits by itself is restarted. They promise different things, so each row names the promise, and the last table has all promises.`

const PROGRAMS =
  'As whole programs: many are started at once, each prints one port of a new service and exits. ' +
  'This is the cost for a shell script or an agent.'

const FIRST =
  'From running processes that are already connected. Each asks for new services one by one.'

const AGAIN =
  'The same services again, for the programs that know services. *Changed* is how many got another ' +
  'number than before.'

const KILLS =
  `After ${KILLED_SERVICES} answers the allocator gets \`kill -9\` (the database server and its ` +
  'children, the server of the program, or if there is none the process that asked), and is started ' +
  'again. The table shows how many services get the same number again, and how many of the numbers go ' +
  'to other services, which ask first.'

export async function measure(context: Context) {
  const { quick, pairs, progress, signal } = context
  progress('  installing')
  const { directory: installation, sqliteMissing } = await installPeers(signal)
  const peers = [
    ours,
    portserver,
    portRegistry(installation, sqliteMissing),
    portsOfNpm(installation),
    getPort(installation),
  ]
  const counts = [
    // Two hundred programs take the whole machine for a while.
    { processes: 1, programRounds: 2 * pairs, servicesPerProcess: 50 },
    { processes: 20, programRounds: pairs, servicesPerProcess: 10 },
    { processes: 200, programRounds: Math.ceil(pairs / 5), servicesPerProcess: 1 },
  ].slice(0, quick ? 2 : 3)

  const programs = []
  for (const { processes, programRounds } of counts) {
    const load = {
      name: `${processes} programs`,
      processes,
      servicesPerProcess: 1,
      rounds: quick ? 1 : programRounds,
      repeats: false,
      start: async (peer: OpenPeer) => new Programs(peer, signal),
    }
    programs.push(...(await comparePeers(peers, load, context)))
  }
  const running = []
  for (const { processes, servicesPerProcess } of counts) {
    const load = {
      name: `${processes} running processes`,
      processes,
      servicesPerProcess,
      rounds: pairs,
      repeats: true,
      start: (peer: OpenPeer) => RunningProcesses.start(peer.caller(), processes, signal),
    }
    // Many processes of all peers would not fit into memory, so the peers are measured in sequence.
    for (const group of processes > 20 ? peers.map((peer) => [peer]) : [peers]) {
      running.push(...(await comparePeers(group, load, context)))
    }
  }
  const kills = await killAllocators(peers, context)

  const columns = ['', 'processes', 'rate', 'middle half', 'p50', 'p99', 'failures', 'duplicates']
  const again = running.flatMap(({ again }) => (again ? [again] : []))
  return {
    intro,
    tables: [
      {
        caption: PROGRAMS,
        columns: [...columns, 'promise'],
        rows: programs.map(({ first }) => first),
      },
      { caption: FIRST, columns: [...columns, 'promise'], rows: running.map(({ first }) => first) },
      { caption: AGAIN, columns: [...columns, 'changed', 'promise'], rows: again },
      {
        caption: KILLS,
        columns: ['', 'same again', 'given to other services', 'guarantees'],
        rows: kills,
      },
    ],
  }
}
