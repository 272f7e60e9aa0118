import { counted, type Health, isFlapping, toSeconds, uptimePercent } from '@ports/core'

/** Such as `up in 98 % of 100 checks since …, last seen …`. */
export function healthText(health: Health): string {
  const { checks, oldestCheckAt, lastListeningAt, changes } = health
  return [
    `up in ${uptimePercent(health)} % of ${counted(checks, 'check')} since ${toSeconds(oldestCheckAt)}`,
    lastListeningAt ? `last seen ${toSeconds(lastListeningAt)}` : 'never seen',
    changes > 0 ? `${counted(changes, 'change')} between up and down` : '',
    isFlapping(health) ? `flapping: ${health.changesInLastHour} of them in the last hour` : '',
  ]
    .filter(Boolean)
    .join(', ')
}
