import {
  describeSameCloudflareHostname,
  type EnsuredAllocation,
  nameOfService,
  type Service,
} from '@ports/core'
import type { Output } from './Output.js'

/** A problem that a Cloudflare hostname has, for programs. */
interface HostnameWarning {
  readonly code: 'SAME_CLOUDFLARE_HOSTNAME'
  readonly message: string
  /** The other services that have it. */
  readonly services: readonly string[]
}

interface Warned {
  readonly warnings?: readonly HostnameWarning[]
}

/** Warns on stderr of the other services that have a Cloudflare hostname. Returns it for the JSON. */
export function hostnameWarnings(
  cloudflareHostname: string | undefined,
  others: readonly Service[] | undefined,
  output: Output,
): Warned {
  const message = describeSameCloudflareHostname(cloudflareHostname, others)
  if (message === undefined) return {}
  output.notice(`warning: ${message}`)
  const services = (others ?? []).map(nameOfService)
  return { warnings: [{ code: 'SAME_CLOUDFLARE_HOSTNAME', message, services }] }
}

/** As `hostnameWarnings`, once for each Cloudflare hostname of the allocations. */
export function warningsOfSharing(
  allocations: readonly EnsuredAllocation[],
  output: Output,
): Warned {
  const firsts = new Map<string | undefined, EnsuredAllocation>()
  for (const each of allocations) {
    if (!firsts.has(each.cloudflareHostname)) firsts.set(each.cloudflareHostname, each)
  }
  const warnings = [...firsts].flatMap(
    ([cloudflareHostname, { sameCloudflareHostname }]) =>
      hostnameWarnings(cloudflareHostname, sameCloudflareHostname, output).warnings ?? [],
  )
  return warnings.length > 0 ? { warnings } : {}
}
