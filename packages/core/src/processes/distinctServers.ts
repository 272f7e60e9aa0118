import type { ExplainedListener } from '../explain/Explanation.js'
import type { AttributedProcess } from './attributeUse.js'
import { decisive } from './Recorded.js'

type Listening = Pick<AttributedProcess, 'whose' | 'addresses'>

/** Whether it may be what decides whose a socket is. A worker that runs elsewhere does not. */
export function isDecisive(
  { whose, addresses }: Listening,
  listeners: readonly ExplainedListener[],
): boolean {
  return listeners.some((each) => each.whose === whose && addresses.includes(each.address))
}

/**
 * One of each server among what listens on a number: first one of the holder's, else of a stranger.
 * Others of the holder are the same server, and so are workers with sockets on one address
 * (SO_REUSEPORT).
 */
export function distinctServers<Each extends Listening>(all: readonly Each[]): Each[] {
  const main = decisive(all)
  const servers = main ? [main] : []
  for (const each of all) if (!servers.some((one) => isSame(one, each))) servers.push(each)
  return servers
}

function isSame(one: Listening, other: Listening): boolean {
  if (one.whose !== other.whose) return false
  return one.whose === 'holder' || one.addresses.some((each) => other.addresses.includes(each))
}
