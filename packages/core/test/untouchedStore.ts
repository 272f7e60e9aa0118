import type { PortRepository } from '../src/PortRepository.js'

/**
 * A store that is asked nothing, or the test fails. Only in a container it is asked where the
 * host's services are: there, with the test.
 */
export const untouchedStore = new Proxy({} as PortRepository, {
  get: (_store, method) =>
    method === 'networkOf'
      ? async (_hostname: string, network: string) => network
      : async () => {
          throw new Error('the store was asked')
        },
})
