import { nameOfInstance, nameOfService, type Service } from '@ports/core'
import { commandLine } from './commandLine.js'

/**
 * A sentence with the options that name the other instances that hold ports. Empty if there are
 * none.
 * @param instances their names, `''` for the primary one
 */
export function heldByOthers(instances: readonly string[]): string {
  const ways = instances.map((instance) => commandLine('--instance', nameOfInstance(instance)))
  return ways.length === 0 ? '' : `Other instances hold some: ${ways.join(', ')}`
}

/** Says that a service holds no port that a command could change, and which other instances do. */
export function nothingTo(verb: string, service: Service, others: readonly string[]): string {
  const none = `Nothing to ${verb}: ${nameOfService(service)} holds no such port.`
  return `${none} ${heldByOthers(others)}`.trimEnd()
}
