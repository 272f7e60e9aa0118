import type { Selection } from '../AllocationStore.js'
import type { CallOptions } from '../CallOptions.js'
import type { PortRepository } from '../PortRepository.js'
import type { CheckedPort } from './Health.js'

/** The live ports that match the selection, with the results of their audits. */
export async function listChecks(
  store: PortRepository,
  { instance, ...query }: Selection,
  limit: number,
  call: CallOptions,
): Promise<CheckedPort[]> {
  const { allocations } = await store.list(query, call)
  const held = allocations.filter((each) => each.instance === instance)
  const health = await store.healthOf(
    held.map(({ id }) => id),
    call,
  )
  const checked: CheckedPort[] = []
  for (const allocation of held) {
    const checks = await store.checksOf(allocation.id, limit, call)
    const known = health.get(allocation.id)
    checked.push({ allocation, ...(known && { health: known }), checks })
  }
  return checked
}
