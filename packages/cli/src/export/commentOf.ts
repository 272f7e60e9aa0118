import { nameOfService, type PortAllocation, printable } from '@ports/core'

type Commented = Pick<PortAllocation, 'projectName' | 'serviceName' | 'instance' | 'description'>

/**
 * A comment about a service: its name and description, on one line. Traefik expands `{{…}}` and
 * Caddy expands `{$…}` in comments too, so a space is inserted to break them.
 */
export function commentOf(service: Commented): string {
  const { description } = service
  const text = description === undefined ? '' : `: ${printable(description)}`
  return `${nameOfService(service)}${text}`.replace(/\{(?=[{$])/g, '{ ').trim()
}
