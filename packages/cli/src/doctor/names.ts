import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isLoopback } from '@ports/core'
import { commandLine } from '../commandLine.js'
import type { Check, Result } from './Check.js'
import type { Subject } from './Subject.js'

const LOOKUP_TIMEOUT_MS = 3_000

/** The codes for a name that does not exist or has no address (getaddrinfo(3)). */
const NO_ADDRESS: readonly string[] = ['ENOTFOUND', 'ENODATA']

/** Checks whether the names of this host and of the hosts in the registry have addresses. */
export const namesCheck: Check = {
  name: 'names',
  async run(subject) {
    const here = (await subject.context.openManager()).scope().hostname
    const hosts = [...new Set([here, ...(await hostsOf(subject))])].filter(
      (host) => isIP(host) === 0 && !isLoopback(host),
    )
    const found = await Promise.all(hosts.map((host) => resultOf(host, host === here)))
    const results = found.filter((result) => result !== undefined)
    if (results.length > 0 || hosts.length === 0) return results
    return [{ state: 'ok', message: `These names have addresses: ${hosts.join(', ')}.` }]
  },
}

async function hostsOf(subject: Subject): Promise<string[]> {
  const records = await subject.records()
  return (records?.allocations ?? []).map(({ hostname }) => hostname)
}

/** Undefined if the name has an address. */
async function resultOf(host: string, isHere: boolean): Promise<Result | undefined> {
  const failure = await failureOf(host)
  if (failure === undefined) return undefined
  const whose = isHere ? 'the name of this machine in the registry' : 'a host with ports'
  const consequence = isHere ? 'Other machines cannot' : 'This machine cannot'
  if (!NO_ADDRESS.includes(failure)) {
    const message = `Cannot find out whether ${host}, ${whose}, has an address (${failure}).`
    return { state: 'unknown', message }
  }
  return {
    state: 'warning',
    message: `${host}, ${whose}, has no address. ${consequence} check what listens there.`,
    fix: isHere
      ? `Give it an address in DNS or in /etc/hosts, or set another name: ports config set hostname <name>`
      : `Give it an address in DNS or in /etc/hosts; if the machine is gone, release its ports: ` +
        `${commandLine('ports', 'release')} <project> <service> ${commandLine('--hostname', host)}`,
  }
}

/** The code or the text of the failure. Undefined if the name has an address. */
async function failureOf(host: string): Promise<string | undefined> {
  const answered = new AbortController()
  const late = sleep(LOOKUP_TIMEOUT_MS, `no answer within ${LOOKUP_TIMEOUT_MS / 1000} s`, {
    signal: answered.signal,
  })
  late.catch(() => {})
  try {
    return await Promise.race([lookup(host).then(() => undefined), late])
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  } finally {
    answered.abort()
  }
}
