import type { AllocationStore } from '../AllocationStore.js'
import type { CallOptions } from '../CallOptions.js'
import { PortsError } from '../errors.js'
import { nameOfService, type PortAllocation, type ServiceKey } from '../PortAllocation.js'

/**
 * The allocation of a port that a call has just returned. The call may have allocated it, so a
 * failure to read it leaves the outcome unknown.
 * @throws {PortsError} `OUTCOME_UNKNOWN`
 */
export async function allocationOf(
  store: AllocationStore,
  key: ServiceKey,
  portNumber: number,
  call: CallOptions,
): Promise<PortAllocation> {
  const told = { numbers: [portNumber], next: 'Ask again: that does no harm.' }
  const [allocation] = await readTold(store, key, told, call)
  return allocation!
}

/**
 * As `allocationOf`, for all numbers that one call has allocated, in their order. That call may not
 * be safe to repeat.
 * @throws {PortsError} `OUTCOME_UNKNOWN`
 */
export function allocatedNow(
  store: AllocationStore,
  key: ServiceKey,
  numbers: readonly number[],
  call: CallOptions,
): Promise<PortAllocation[]> {
  const next = `To find out, list the ports of ${key.projectName}.`
  return readTold(store, key, { numbers, next }, call)
}

/** The answer to a call, and the advice for its caller if the allocations cannot be read. */
interface Told {
  readonly numbers: readonly number[]
  readonly next: string
}

async function readTold(
  store: AllocationStore,
  key: ServiceKey,
  told: Told,
  call: CallOptions,
): Promise<PortAllocation[]> {
  const { projectName, serviceName, instance, hostname, protocol } = key
  const { numbers } = told
  const query = {
    ...{ projectName, serviceName, hostname },
    ...(numbers.length === 1 && { portNumber: numbers[0]! }),
  }
  const { allocations } = await store.list(query, call).catch((error) => {
    throw error instanceof PortsError ? unread(key, told, error.message, error) : error
  })
  const found = allocations.filter(
    (it) => it.instance === instance && it.protocol === protocol && numbers.includes(it.portNumber),
  )
  if (found.length === numbers.length) return found
  throw unread(key, told, 'released while this call ran')
}

function unread(
  key: ServiceKey,
  { numbers, next }: Told,
  reason: string,
  cause?: unknown,
): PortsError {
  const isOne = numbers.length === 1
  const ports = `${isOne ? 'port' : 'ports'} ${numbers.join(', ')}`
  return new PortsError(
    'OUTCOME_UNKNOWN',
    `${nameOfService(key)} got ${ports}, but the ${isOne ? 'allocation' : 'allocations'} could not ` +
      `be read afterwards (${reason.replace(/\.$/, '')}). ${next}`,
    {},
    { cause },
  )
}
