import { INITIAL_NETWORK, networkHere } from '@ports/core'
import type { Check } from './Check.js'

/** Checks whether this process sees the sockets of the host's services. */
export const namespaceCheck: Check = {
  name: 'namespace',
  async run(subject) {
    const here = await networkHere()
    if (here === INITIAL_NETWORK) {
      return [{ state: 'ok', message: "This process is in the machine's own network namespace." }]
    }
    if (here === undefined) {
      const message = 'The system does not show which network namespace this process is in.'
      return [{ state: 'unknown', message, fix: FIX }]
    }
    const records = await subject.records()
    if (records === undefined) {
      const message =
        'It is not known whether the services run in the network namespace of this process.'
      return [{ state: 'unknown', message, fix: FIX }]
    }
    if (records.seesServices) {
      const message =
        'As far as the registry knows, this process is in the network namespace of the services.'
      return [{ state: 'ok', message }]
    }
    return [
      {
        state: 'warning',
        message:
          'This process is not in the network namespace of the services, so it cannot tell what ' +
          'listens on this host.',
        fix: FIX,
      },
    ]
  },
}

const FIX = 'Run ports where the services run, outside the sandbox or container.'
