import type { WriteOptions } from '../CallOptions.js'
import type { Checkout } from '../CheckoutStore.js'
import type { PortManager } from '../PortManager.js'
import type { CheckoutOfDirectory } from './checkoutRequest.js'
import { isGone } from './isGone.js'

/**
 * Which instance of a project a directory of this host is. Records it the first time. If the
 * directory of the primary instance is gone by then, this one becomes the primary instance, because
 * the project was moved or cloned again. Safe to repeat.
 */
export async function recordCheckout(
  ports: PortManager,
  projectName: string,
  directory: CheckoutOfDirectory,
  options: WriteOptions = {},
): Promise<Checkout> {
  const { checkout, created } = await ports.ensureCheckout(projectName, directory, options)
  if (!created || checkout.instance === '' || directory.isLinked) return checkout
  const { hostname } = checkout
  const recorded = await ports.listCheckouts({ ...options, projectName, hostname })
  const primary = recorded.find(({ instance }) => instance === '')
  if (!primary || !isGone(primary.directory)) return checkout
  await ports.forgetCheckout(primary, options)
  await ports.forgetCheckout(checkout, options)
  return (await ports.ensureCheckout(projectName, directory, options)).checkout
}
