import type { CallOptions, WriteOptions } from '../CallOptions.js'
import type { Checkout, CheckoutRequest, CheckoutStore, EnsuredCheckout } from '../CheckoutStore.js'
import { currentPlace } from './currentPlace.js'
import { identityOf } from './identityOf.js'
import { isGone } from './isGone.js'

/**
 * Returns which instance of a project a directory of this host is, or would be as the primary one.
 * Undefined if it would be an instance of its own, which has no name until it is recorded.
 */
export async function lookUpInstance(
  store: CheckoutStore,
  request: CheckoutRequest,
  call: CallOptions,
): Promise<string | undefined> {
  const { projectName, hostname, directory, isLinked } = request
  const identity = identityOf(directory)
  const known = await store.listCheckouts({ projectName, hostname, directory, identity }, call)
  const at = (place: string | undefined) => known.find((each) => each.directory === place)
  const own = at(directory) ?? at(replacedBy(request, identity, known))
  if (own) return own.instance
  return isLinked || known.some(({ instance }) => instance === '') ? undefined : ''
}

/**
 * Returns which instance of a project a directory of this host is. Records the directory and its
 * identity the first time. A directory that was moved stays the same instance.
 */
export async function recordCheckout(
  store: CheckoutStore,
  request: CheckoutRequest,
  call: WriteOptions,
): Promise<EnsuredCheckout> {
  const { projectName, hostname, directory } = request
  const identity = identityOf(directory)
  const known = await store.listCheckouts({ projectName, hostname, directory, identity }, call)
  const own = known.find((checkout) => checkout.directory === directory)
  if (own && (identity === undefined || own.identity === identity)) {
    return { checkout: own, created: false }
  }
  const replaces = own ? undefined : replacedBy(request, identity, known)
  return store.ensureCheckout(
    {
      ...request,
      ...(identity !== undefined && { identity }),
      ...(replaces !== undefined && { replaces }),
    },
    call,
  )
}

/**
 * The recorded directory that a new one replaces: its own path before it was moved, else the
 * directory of the primary instance if that no longer exists, because the project was cloned again
 * or copied to another file system.
 */
function replacedBy(
  { directory, isLinked }: CheckoutRequest,
  identity: string | undefined,
  known: readonly Checkout[],
): string | undefined {
  const moved = known.find(
    (checkout) =>
      identity !== undefined && checkout.identity === identity && isGone(checkout.directory),
  )
  if (moved) return moved.directory
  const primary = known.find(({ instance }) => instance === '')
  const isFree = !isLinked && primary && currentPlace(primary, directory) === undefined
  return isFree ? primary.directory : undefined
}
