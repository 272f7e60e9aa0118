import { afterEach, beforeEach, describe } from 'vitest'
import type { PortRepository } from '../src/PortRepository.js'
import { describeAllocating } from './allocatingContract.js'
import { describeBatches } from './batchContract.js'
import { describeCalls } from './callContract.js'
import { describeChecks } from './checkContract.js'
import { describeCheckouts } from './checkoutContract.js'
import { describeClaiming } from './claimingContract.js'
import { describeHistory } from './historyContract.js'
import { describeInstances } from './instanceContract.js'
import { describeLeases } from './leaseContract.js'
import { describeLimits } from './limitContract.js'
import { describeListing } from './listingContract.js'
import { describeMoving } from './movingContract.js'
import { describeNetworks } from './networkContract.js'
import { describeProcesses } from './processContract.js'
import { describeRanges } from './rangeContract.js'
import { describeReleasing } from './releasingContract.js'
import { describeReservations } from './reservationContract.js'
import { describeRests } from './restContract.js'
import { describeSeveralRanges } from './severalRangesContract.js'
import type { PassTime } from './shop.js'
import { describeTransfers } from './transferContract.js'
import { describeUpdating } from './updatingContract.js'

/**
 * The suite that every store must pass. A test file of the store calls it. `open` is called before
 * each test and returns a repository on an empty store, without ranges. It is closed after the test.
 * `passTime` lets that many seconds pass for the leases, rests and limits of the last opened store.
 */
export function describeRepositoryContract(
  name: string,
  open: () => Promise<PortRepository>,
  passTime: PassTime,
) {
  describe(name, () => {
    let repository: PortRepository
    beforeEach(async () => {
      repository = await open()
    })
    afterEach(() => repository.close())
    const store = () => repository

    describeAllocating(store)
    describeClaiming(store)
    describeBatches(store)
    describeReleasing(store)
    describeMoving(store)
    describeReservations(store)
    describeRests(store, passTime)
    describeLeases(store, passTime)
    describeLimits(store, passTime)
    describeUpdating(store)
    describeListing(store)
    describeInstances(store)
    describeCheckouts(store)
    describeHistory(store)
    describeChecks(store)
    describe('processes and checks', () => describeProcesses(store))
    describeNetworks(store)
    describeRanges(store)
    describeSeveralRanges(store)
    describeTransfers(store)
    describeCalls(store)
  })
}
