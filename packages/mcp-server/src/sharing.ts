import { describeSameCloudflareHostname, nameOfService, type Service } from '@ports/core'
import { z } from 'zod'

/** Part of the output of every tool that may store a Cloudflare hostname. */
export const sharing = { sameCloudflareHostname: z.array(z.string()).optional() }

/** That part of the output, and the sentence to append to the message. */
export function sharingOf(
  cloudflareHostname: string | null | undefined,
  others: readonly Service[] = [],
): { readonly note: string; readonly sameCloudflareHostname?: string[] } {
  const note = describeSameCloudflareHostname(cloudflareHostname, others)
  if (note === undefined) return { note: '' }
  return { note: ` ${note}`, sameCloudflareHostname: others.map(nameOfService) }
}
