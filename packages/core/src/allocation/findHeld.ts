import type { AllocationStore } from '../AllocationStore.js'
import type { CallOptions } from '../CallOptions.js'
import type { ServiceKey } from '../PortAllocation.js'

/**
 * Returns the port of a service. If it has none, makes a second query, which refuses an unknown
 * project.
 */
export async function findHeld(
  store: AllocationStore,
  key: ServiceKey,
  call: CallOptions,
): Promise<number | undefined> {
  const held = await store.find(key, call)
  if (held !== undefined) return held
  const { projectName, serviceName, hostname } = key
  await store.list({ projectName, serviceName, hostname }, call)
  return undefined
}
