import type { PortRepository } from '../src/PortRepository.js'

/**
 * A store that fails the test if it is called. Only in a container may it be asked where the host's
 * services are. They are then in the network of the test.
 */
export const untouchedStore = new Proxy({} as PortRepository, {
  get: (_store, method) => {
    // A store is not a promise.
    if (method === 'then') return undefined
    return method === 'networkOf' || method === 'assumedNetworkOf'
      ? async (_hostname: string, network: string) => network
      : async () => {
          throw new Error('the store was asked')
        }
  },
})
