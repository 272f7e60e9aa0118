import { describe, expect, it } from 'vitest'
import { PortsError } from '../src/errors.js'
import { PortManager } from '../src/PortManager.js'
import type { PortRepository } from '../src/PortRepository.js'

const UNAVAILABLE = new PortsError('DATABASE_UNAVAILABLE', 'Nothing was changed.')

/** A store that allocates ports and cannot be read afterwards. */
const store: Partial<PortRepository> = {
  find: async () => undefined,
  ensure: async () => ({ portNumber: 3000, created: true, passedOver: [], resting: [] }),
  claim: async () => true,
  allocate: async () => 3000,
  allocateMany: async () => [3000, 3001],
  reserve: async (request) => ({ ...request, createdAt: new Date() }),
  list: async () => {
    throw UNAVAILABLE
  },
}

describe('a port that was given and cannot be read afterwards', () => {
  const manager = new PortManager(store as PortRepository, { passOver: 'none' })

  it.each([
    ['ensure', () => manager.ensure('shop', 'web')],
    ['claim', () => manager.claim('shop', 'web', 3000)],
    ['allocatePorts', () => manager.allocatePorts('shop', 'web')],
  ])('leaves the outcome of %s unknown, because it was given', async (_method, call) => {
    await expect(call()).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringContaining('shop/web got port 3000'),
      cause: UNAVAILABLE,
    })
  })

  it('leaves the outcome of allocatePorts unknown without advice to allocate once more', async () => {
    await expect(manager.allocatePorts('shop', 'web', { count: 2 })).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message:
        'shop/web got ports 3000, 3001, but the allocations could not be read afterwards (Nothing was ' +
        'changed). To find out, list the ports of shop.',
    })
  })

  it('leaves the outcome of reserve unknown, because the numbers are reserved', async () => {
    const call = manager.reserve({ startPort: 3000, endPort: 3009 }, 'a migration')
    await expect(call).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringContaining('3000-3009'),
      cause: UNAVAILABLE,
    })
  })
})
