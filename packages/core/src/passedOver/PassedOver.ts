import { merged } from '../bounds.js'
import type { Bounds } from '../PortRange.js'
import { type CannotSee, PASS_OVER_REASONS, type PassOverReason } from './reasons.js'

export interface PassedOverRange extends Bounds {
  readonly reason: PassOverReason
}

const IN_ORDER = Object.keys(PASS_OVER_REASONS) as PassOverReason[]

/** The numbers of one scope that are not allocated automatically. */
export class PassedOver {
  static readonly NOTHING = new PassedOver({})

  /** In the order of `PASS_OVER_REASONS`. A number may be in several. */
  readonly ranges: readonly PassedOverRange[]
  /** The kinds of numbers that cannot be seen from here, so that none are passed over. */
  readonly cannotSee: readonly CannotSee[]

  constructor(
    bounds: { readonly [Reason in PassOverReason]?: readonly Bounds[] },
    cannotSee: readonly CannotSee[] = [],
  ) {
    this.ranges = IN_ORDER.flatMap((reason) =>
      merged(bounds[reason] ?? []).map((each) => ({ ...each, reason })),
    )
    this.cannotSee = cannotSee
  }

  /**
   * The numbers that the store skipped, in ascending order, with the reasons. The store also skips
   * reserved and resting numbers, which a look at the host does not show.
   */
  skipped<Skipped extends { readonly portNumber: number }>(
    avoided: readonly Skipped[],
    resting: readonly Skipped[],
  ): (Skipped & { readonly reason: PassOverReason | 'reserved' | 'resting' })[] {
    return [
      ...avoided.map((it) => ({
        ...it,
        reason: this.reasonFor(it.portNumber) ?? ('reserved' as const),
      })),
      ...resting.map((it) => ({ ...it, reason: 'resting' as const })),
    ].sort((a, b) => a.portNumber - b.portNumber)
  }

  /** Why that number is passed over; undefined if it is not. */
  reasonFor(port: number): PassOverReason | undefined {
    return this.#reasonsFor(port)[0]
  }

  /** As `reasonFor`, for a number on which something may listen already. */
  otherReasonFor(port: number): Exclude<PassOverReason, 'busy'> | undefined {
    return this.#reasonsFor(port).find((reason) => reason !== 'busy')
  }

  #reasonsFor(port: number): PassOverReason[] {
    return this.ranges
      .filter(({ startPort, endPort }) => startPort <= port && port <= endPort)
      .map(({ reason }) => reason)
  }
}
