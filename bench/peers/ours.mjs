import { readdirSync, readFileSync } from 'node:fs'
import { CLI } from '../childProcess.mjs'
import { ownRegistry } from '../ownRegistry.mjs'
import { nodeCaller } from './Peer.mjs'

/** @type {import('./Peer.mjs').Peer} */
export const ours = {
  name: '**ours**',
  keeps: 'by name, unique, fsynced',
  guarantees:
    'One port per service and host, the same at every call, unique by a constraint of the ' +
    'database, on disk (fsync) before it is answered, held until it is released.',
  hasNames: true,
  async open(_directory, context) {
    const registry = ownRegistry(context)
    registry.ports('range', 'create', 'bench', '--start', '10000', '--end', '29999')
    return {
      program: (service) => ({
        command: process.execPath,
        args: [CLI, 'get', 'bench', service],
        env: registry.env,
      }),
      caller: () => nodeCaller(import.meta.url, registry.env),
      async killAllocator() {
        const { pid } = registry.status()
        for (const each of [pid, ...childrenOf(pid)]) process.kill(each, 'SIGKILL')
      },
      crashes: () => 0,
      close: async () => registry.close(),
    }
  },
}

function childrenOf(parent) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === parent)
    .map(Number)
}

function parentOf(pid) {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch {
    // It has just ended.
    return undefined
  }
}

/** Inside a caller. */
export async function createClient() {
  const { PortManager } = await import('@ports/core')
  const { openRepository } = await import('@ports/db')
  const ports = new PortManager(await openRepository())
  // So that it is connected, as it is in a program that runs.
  await ports.listRanges()
  return (service) => ports.getOrAllocate('bench', service)
}
