import type { AllocationStore, EnsureRequest } from '../AllocationStore.js'
import type { GivingOptions } from '../CallOptions.js'
import { METADATA_FIELDS, type PortAllocation } from '../PortAllocation.js'
import type { PassedOver } from '../passedOver/PassedOver.js'
import type { CannotSee, SKIP_REASONS } from '../passedOver/reasons.js'
import type { SameCloudflareHostname } from './sameCloudflareHostname.js'

/** A number that was not allocated, and why. */
export interface SkippedPort {
  readonly portNumber: number
  readonly reason: keyof typeof SKIP_REASONS
}

export interface EnsureResult extends SameCloudflareHostname {
  readonly allocation: PortAllocation
  /** Whether the service got the port by this call. */
  readonly created: boolean
  /**
   * Available numbers below the port that were passed over, and a preferred number that was not
   * given.
   */
  readonly skipped: readonly SkippedPort[]
  /** The kinds of numbers that cannot be seen from here, so that none were passed over. */
  readonly cannotSee: readonly CannotSee[]
}

/** An `EnsureResult` that has only the number of its allocation. */
export interface EnsuredNumber
  extends Omit<EnsureResult, 'allocation' | keyof SameCloudflareHostname> {
  readonly portNumber: number
}

/**
 * Returns the port of a service, or allocates one. If the call has nothing to write to an existing
 * port, reads what is passed over only for a service without a port. Otherwise reads it in any
 * case: the port could be released before the write, and the call that writes then allocates one.
 */
export async function ensurePort(
  store: AllocationStore,
  request: EnsureRequest,
  look: () => Promise<PassedOver>,
  call: GivingOptions,
): Promise<EnsuredNumber> {
  const isPlain = METADATA_FIELDS.every((field) => request[field] === undefined)
  if (isPlain && request.ttlSeconds === undefined) {
    const held = await store.find(request, call)
    if (held !== undefined) return { portNumber: held, created: false, skipped: [], cannotSee: [] }
  }

  const passedOver = await look()
  const { preferredPort, ...other } = request
  const isBusy = preferredPort !== undefined && passedOver.reasonFor(preferredPort) === 'busy'
  const wanted = {
    ...other,
    avoid: passedOver.ranges,
    ...(preferredPort !== undefined && !isBusy && { preferredPort }),
  }
  const { portNumber, created, ...told } = await store.ensure(wanted, call)
  const skipped: SkippedPort[] = passedOver.skipped(
    told.passedOver.map((each) => ({ portNumber: each })),
    told.resting.map((each) => ({ portNumber: each })),
  )
  const isListed = skipped.some((each) => each.portNumber === preferredPort)
  if (created && preferredPort !== undefined && preferredPort !== portNumber && !isListed) {
    skipped.unshift({ portNumber: preferredPort, reason: isBusy ? 'busy' : 'unavailable' })
  }
  return { portNumber, created, skipped, cannotSee: created ? passedOver.cannotSee : [] }
}
