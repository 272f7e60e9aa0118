import type { Protocol } from '../PortAllocation.js'
import { nameOfRange } from '../range/nameOfRange.js'
import { SKIP_REASONS } from './reasons.js'

interface Skipped {
  readonly portNumber: number
  /** Absent if it is clear. */
  readonly protocol?: Protocol
  readonly reason: keyof typeof SKIP_REASONS
}

/** A number that was allocated after others had been skipped. */
interface Given {
  readonly portNumber: number
  /** Absent if it is clear. */
  readonly protocol?: Protocol
}

/** So many skipped numbers of a protocol the store names. It names resting ones apart. */
const MAX_NAMED = 20

/**
 * A sentence for all consecutive numbers that were skipped for one reason, and one that says where
 * others may have been skipped that are not named.
 */
export function skippedText(skipped: readonly Skipped[], given: readonly Given[]): string[] {
  return [...sentencesOf(skipped), ...unnamedOf(skipped, given)]
}

function unnamedOf(skipped: readonly Skipped[], given: readonly Given[]): string[] {
  const protocols = new Set(skipped.map(({ protocol }) => protocol))
  return [...protocols].flatMap((protocol) => {
    const numbers = given
      .filter((each) => (each.protocol ?? protocol) === protocol || protocol === undefined)
      .map(({ portNumber }) => portNumber)
    const named = skipped
      .filter((each) => each.protocol === protocol && each.reason !== 'resting')
      .map(({ portNumber }) => portNumber)
      // One that was preferred may be above.
      .filter((each) => each < Math.max(...numbers))
    if (named.length < MAX_NAMED) return []
    const last = Math.max(...named)
    const next = Math.min(...numbers.filter((each) => each > last))
    const between = next - last - 1
    return between === 0
      ? []
      : [`Up to ${between} more before ${next} were skipped. Only the first are named.`]
  })
}

function sentencesOf(skipped: readonly Skipped[]): string[] {
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
