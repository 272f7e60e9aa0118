import { nameOfService, type PortAllocation, printable } from '@ports/core'

type Commented = Pick<PortAllocation, 'projectName' | 'serviceName' | 'instance' | 'description'>

/**
 * What a comment says about a service, on one line. Traefik replaces `{{…}}` and Caddy `{$…}` in
 * comments too, so a description must not contain them.
 */
export function commentOf(service: Commented): string {
  const { description } = service
  const text = description === undefined ? '' : `: ${printable(description)}`
  return `${nameOfService(service)}${text}`.replace(/\{(?=[{$])/g, '{ ').trim()
}
