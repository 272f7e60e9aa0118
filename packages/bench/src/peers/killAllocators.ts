import type { Context } from '../Section.js'
import { checkAnswers, compareAnswers } from './checkAnswers.js'
import { peerDirectory, servicesOf } from './comparePeers.js'
import type { Peer } from './Peer.js'
import { RunningProcesses } from './RunningProcesses.js'

export const KILLED_SERVICES = 20

/** Returns a row for each peer: how many answers stay the same after the allocator is killed. */
export async function killAllocators(peers: readonly Peer[], context: Context) {
  context.progress('  kill -9')
  const rows = []
  for (const peer of peers) {
    const cells = await killAllocator(peer, context).catch((error) => {
      if (context.signal.aborted) throw error
      return [`not measured: ${error.message}`, '']
    })
    rows.push([peer.name, ...cells, peer.guarantees])
  }
  return rows
}

async function killAllocator(peer: Peer, context: Context) {
  const { signal } = context
  await using opened = await peer.open(peerDirectory(peer, context), signal)
  await using holder = await RunningProcesses.start(opened.caller(), 1, signal)
  const services = servicesOf(KILLED_SERVICES, 'held')
  const held = checkAnswers(await holder.ask([services])).given
  // For some peers the process that asks is the allocator.
  await (opened.killAllocator?.() ?? holder[Symbol.asyncDispose]())
  await using successor = await RunningProcesses.start(opened.caller(), 1, signal)
  // Other services ask first: a peer that has forgotten the held numbers gives them away.
  const others = await successor.ask([servicesOf(KILLED_SERVICES, 'other')])
  const again = await successor.ask([services])
  const ports = new Set(held.map(({ port }) => port))
  const { same } = compareAnswers(held, checkAnswers(again).given)
  const given = checkAnswers(others).given.filter(({ port }) => ports.has(port))
  return [`${same} of ${held.length}`, `${given.length} of ${held.length}`]
}
