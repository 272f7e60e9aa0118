import { describeSameCloudflareHostname, nameOfService, type Service } from '@ports/core'
import type { Output } from './Output.js'

/** A problem that a Cloudflare hostname has, for programs. */
interface HostnameWarning {
  readonly code: 'SAME_CLOUDFLARE_HOSTNAME'
  readonly message: string
  /** The other services that have it. */
  readonly services: readonly string[]
}

/** Warns on stderr of the other services that have a Cloudflare hostname. Returns it for the JSON. */
export function hostnameWarnings(
  cloudflareHostname: string | undefined,
  others: readonly Service[] | undefined,
  output: Output,
): { readonly warnings?: readonly HostnameWarning[] } {
  const message = describeSameCloudflareHostname(cloudflareHostname, others)
  if (message === undefined) return {}
  output.notice(`warning: ${message}`)
  const services = (others ?? []).map(nameOfService)
  return { warnings: [{ code: 'SAME_CLOUDFLARE_HOSTNAME', message, services }] }
}
