import type { ServiceKey } from '../src/PortAllocation.js'
import type { PortRange } from '../src/PortRange.js'
import type { PortRepository } from '../src/PortRepository.js'

/** The store under test. Each test has an empty one. */
export type Store = () => PortRepository

/** Lets that many seconds pass for leases, rests and limits. */
export type PassTime = (seconds: number) => Promise<void>

/** The services that the tests of the contract use. */
export const web: ServiceKey = {
  projectName: 'shop',
  serviceName: 'web',
  instance: '',
  hostname: 'localhost',
  protocol: 'tcp',
}
export const api: ServiceKey = { ...web, serviceName: 'api' }

export function shopRange(startPort: number, endPort: number): PortRange {
  return { projectName: 'shop', startPort, endPort }
}

/** A time in the details of an error or an event. */
export const ISO_8601 = /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** All live ports, in the order of the list. */
export async function livePorts(store: Store): Promise<number[]> {
  const { allocations } = await store().list({})
  return allocations.map(({ portNumber }) => portNumber)
}

/** The ports that a service holds, each with its metadata, by number. */
export async function heldBy(store: Store, service: ServiceKey) {
  const { allocations } = await store().list({})
  return allocations
    .filter((held) =>
      (Object.keys(service) as (keyof ServiceKey)[]).every((key) => held[key] === service[key]),
    )
    .map(({ portNumber, serviceType, description, cloudflareHostname }) => ({
      portNumber,
      ...(serviceType !== undefined && { serviceType }),
      ...(description !== undefined && { description }),
      ...(cloudflareHostname !== undefined && { cloudflareHostname }),
    }))
}

/** Makes `count` concurrent calls, and returns their results and errors. */
export async function atOnce(count: number, call: (nth: number) => Promise<number>) {
  const outcomes = await Promise.allSettled(Array.from({ length: count }, (_, nth) => call(nth)))
  return {
    ports: outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : [])),
    errors: outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : [])),
  }
}

export function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, offset) => first + offset)
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b)
}
