import type { Listener } from '../listeners/Listeners.js'
import { readListeningSockets } from '../listeners/procNet.js'
import { isForwarder } from './isForwarder.js'
import type { ListeningProcess } from './listeningProcesses.js'
import type { HostProcesses } from './ProcessTable.js'
import {
  ancestorsOf,
  bootAndStartOf,
  commandLine,
  holdersOf,
  openSockets,
  processTree,
  startOf,
  startTimeOf,
  userOf,
  workingDirectory,
} from './procFs.js'

/** The processes of this host as proc(5) shows them. */
export const procProcesses: HostProcesses = {
  readSockets: readListeningSockets,

  async readTable(sockets) {
    const inodes = inodesOf(sockets)
    const holders = holdersOf(inodes)
    return {
      pidsOf: ({ inode }) => (inode === undefined ? [] : (holders.get(inode) ?? [])),
      describe(pid) {
        const process = describe(pid)
        // The process may have ended since, and its pid may have been reused.
        return process && openSockets(pid).some((inode) => inodes.has(inode)) ? process : undefined
      },
    }
  },

  async readSocketsOfTree(root, sockets) {
    const open = new Set([...processTree(root)].flatMap(openSockets))
    return sockets.filter(({ inode }) => inode !== undefined && open.has(inode))
  },

  async identify(pid) {
    const process = describe(pid)
    const started = bootAndStartOf(pid)
    return process && started !== undefined ? { ...process, started } : undefined
  },

  readLineage: () => ({ ancestorsOf, startedOf: bootAndStartOf }),
}

function inodesOf(sockets: readonly Listener[]): ReadonlySet<number> {
  return new Set(sockets.flatMap(({ inode }) => inode ?? []))
}

/** Undefined if the process is gone, or its pid was reused while it was read. */
function describe(pid: number): ListeningProcess | undefined {
  const start = startOf(pid)
  const command = commandLine(pid)
  const place = isForwarder(command) ? {} : workingDirectory(pid)
  const startedAt = startTimeOf(pid)
  const uid = userOf(pid)
  if (start === undefined || startOf(pid) !== start) return undefined
  return {
    pid,
    ...(command && { command }),
    ...place,
    ...(startedAt && { startedAt }),
    ...(uid !== undefined && { uid }),
  }
}
