import { readFileSync } from 'node:fs'
import { CLI } from '@ports/testkit'
import { ownRegistry } from '../ownRegistry.js'
import { nodeCaller, type Peer } from './Peer.js'

export const ours: Peer = {
  name: '**ours**',
  promise: 'by name, unique, fsynced',
  guarantees:
    'One port per service and host, the same at every call, unique by a constraint of the ' +
    'database, on disk (fsync) before it is answered, held until it is released.',
  hasNames: true,
  async open(_directory, signal) {
    const registry = ownRegistry(signal)
    registry.ports('range', 'create', 'bench', '--start', '10000', '--end', '29999')
    return {
      program: (service) => ({
        command: process.execPath,
        args: [CLI, 'get', 'bench', service],
        env: registry.env,
      }),
      caller: () => nodeCaller(import.meta.url, registry.env),
      async killAllocator() {
        const pid = registry.status().pid!
        for (const each of [pid, ...childrenOf(pid)]) process.kill(each, 'SIGKILL')
      },
      async [Symbol.asyncDispose]() {
        registry[Symbol.dispose]()
      },
    }
  },
}

function childrenOf(pid: number) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children.trim().split(' ').map(Number)
}

/** Called by the process of a caller. */
export async function createClient() {
  const { PortManager } = await import('@ports/core')
  const { openRepository } = await import('@ports/db')
  const ports = new PortManager(await openRepository())
  // Connects at once, because a running program is connected.
  await ports.listRanges()
  return (service: string) => ports.getOrAllocate('bench', service)
}
