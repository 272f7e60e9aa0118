import {
  counted,
  type Health,
  isFlapping,
  type PortAllocation,
  toSeconds,
  uptimePercent,
} from '@ports/core'

/** Such as `up in 98 % of 100 checks since …, last seen …`. */
export function healthText(health: Health, { lastUsedAt }: PortAllocation): string {
  const { checks, oldestCheckAt, lastListeningAt, changes } = health
  // The checks at which it was seen may no longer be among those that are kept.
  const lastSeenAt = lastListeningAt ?? lastUsedAt
  return [
    `up in ${uptimePercent(health)} % of ${counted(checks, 'check')} since ${toSeconds(oldestCheckAt)}`,
    lastSeenAt ? `last seen ${toSeconds(lastSeenAt)}` : 'never seen',
    changes > 0 ? `${counted(changes, 'change')} between up and down` : '',
    isFlapping(health) ? `flapping: ${health.changesInLastHour} of them in the last hour` : '',
  ]
    .filter(Boolean)
    .join(', ')
}
