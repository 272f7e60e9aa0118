import type { Protocol } from '../PortAllocation.js'
import { nameOfRange } from '../range/nameOfRange.js'
import { SKIP_REASONS } from './reasons.js'

interface Skipped {
  readonly portNumber: number
  /** Absent if it is clear. */
  readonly protocol?: Protocol
  readonly reason: keyof typeof SKIP_REASONS
}

/** A sentence for all consecutive numbers that were skipped for one reason. */
export function skippedText(skipped: readonly Skipped[]): string[] {
  const runs: { first: Skipped; endPort: number }[] = []
  for (const each of skipped) {
    const last = runs.at(-1)
    if (
      last &&
      each.portNumber === last.endPort + 1 &&
      each.protocol === last.first.protocol &&
      each.reason === last.first.reason
    ) {
      last.endPort = each.portNumber
    } else runs.push({ first: each, endPort: each.portNumber })
  }
  return runs.map(({ first: { portNumber: startPort, protocol, reason }, endPort }) => {
    const scope = protocol === undefined ? '' : `/${protocol}`
    return `Skipped ${nameOfRange({ startPort, endPort })}${scope}: ${SKIP_REASONS[reason]}.`
  })
}
