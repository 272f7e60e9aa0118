import type { ExplainedListener } from '../explain/Explanation.js'
import type { AttributedProcess } from './attributeUse.js'
import { decisive } from './Recorded.js'

type Listening = Pick<AttributedProcess, 'whose' | 'addresses'>

/**
 * Whether a process or container has the same attribution as one of the sockets that it listens on.
 * False for a worker that runs elsewhere.
 */
export function isDecisive(
  { whose, addresses }: Listening,
  listeners: readonly ExplainedListener[],
): boolean {
  return listeners.some((each) => each.whose === whose && addresses.includes(each.address))
}

/**
 * One process or container for each server that listens on a number. The first is the holder's, or
 * else a stranger. All that belong to the holder count as one server, and so do workers with the
 * same attribution that listen on one address (SO_REUSEPORT).
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
