import { nameOfService } from './PortAllocation.js'
import type { PortEvent } from './PortEvent.js'
import { toSeconds } from './toSeconds.js'

/** The service or the project that was changed, if there is one. */
export function subjectOfEvent(event: PortEvent): string | undefined {
  const { projectName, serviceName, instance = '' } = event
  return projectName === undefined || serviceName === undefined
    ? projectName
    : nameOfService({ projectName, serviceName, instance })
}

/** On one line, such as `2026-11-28T09:12:03Z allocated shop/web by ann@desk`. */
export function eventText(event: PortEvent): string {
  const { at, what, actor } = event
  return [toSeconds(at), what, subjectOfEvent(event), actor && `by ${actor}`]
    .filter(Boolean)
    .join(' ')
}
