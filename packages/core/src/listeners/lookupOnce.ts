import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'

/**
 * A lookup that resolves each name once for all who ask, failures included. getaddrinfo(3) runs on
 * the few threads that libuv has for the whole process: asked for every port of a name that does
 * not answer, it would hold up the checks of all other hosts.
 */
export function lookupOnce(): LookupFunction {
  const answers = new Map<string, Promise<LookupAddress[]>>()
  return (hostname, _options, callback) => {
    const answer = answers.get(hostname) ?? lookup(hostname, { all: true })
    answers.set(hostname, answer)
    answer.then(
      (addresses) => callback(null, addresses),
      (error) => callback(error, []),
    )
  }
}
