import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'

/**
 * A lookup that resolves each name once for all callers, failures included. getaddrinfo(3) runs on
 * the few threads that libuv has for the whole process. A lookup for every port of a name that does
 * not answer would delay the checks of all other hosts.
 */
export function lookupOnce(): LookupFunction {
  const answers = new Map<string, Promise<LookupAddress[]>>()
  return (hostname, _options, callback) => {
    const answer = answers.get(hostname) ?? lookupAll(hostname)
    answers.set(hostname, answer)
    answer.then(
      (addresses) => callback(null, addresses),
      (error) => callback(error, []),
    )
  }
}

async function lookupAll(hostname: string): Promise<LookupAddress[]> {
  // Loaded only now, because a call that asks for a port looks nothing up.
  const { lookup } = await import('node:dns/promises')
  return lookup(hostname, { all: true })
}
