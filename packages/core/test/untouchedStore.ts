import type { PortRepository } from '../src/PortRepository.js'

/**
 * A store that fails the test if it is asked anything. Only in a container may it be asked where
 * the host's services are, and then they are where the test is.
 */
export const untouchedStore = new Proxy({} as PortRepository, {
  get: (_store, method) => {
    // A store is no promise.
    if (method === 'then') return undefined
    return method === 'networkOf' || method === 'assumedNetworkOf'
      ? async (_hostname: string, network: string) => network
      : async () => {
          throw new Error('the store was asked')
        }
  },
})
