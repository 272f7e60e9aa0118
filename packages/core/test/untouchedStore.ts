import type { PortRepository } from '../src/PortRepository.js'

/** A store that is asked nothing, or the test fails. */
export const untouchedStore = new Proxy({} as PortRepository, {
  get: () => async () => {
    throw new Error('the store was asked')
  },
})
