import type { WriteOptions } from '../CallOptions.js'
import type { CheckoutRequest, CheckoutStore, EnsuredCheckout } from '../CheckoutStore.js'
import { isGone } from './isGone.js'

/**
 * Which instance of a project a directory of this host is. Records it the first time. If the
 * directory of the primary instance is gone by then, this one is the primary instance: the project
 * was moved, or cloned again.
 */
export async function recordCheckout(
  store: CheckoutStore,
  request: CheckoutRequest,
  call: WriteOptions,
): Promise<EnsuredCheckout> {
  const { projectName, hostname, directory } = request
  const known = await store.listCheckouts({ projectName, hostname, directory }, call)
  const own = known.find((checkout) => checkout.directory === directory)
  if (own) return { checkout: own, created: false }
  const primary = known.find(({ instance }) => instance === '')
  const replaces = primary && isGone(primary.directory) ? primary.directory : undefined
  return store.ensureCheckout({ ...request, ...(replaces && { replaces }) }, call)
}
