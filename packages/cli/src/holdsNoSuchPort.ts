import { nameOfService, type Service } from '@ports/core'

/**
 * Says that a service holds no port that was meant, and which other instances of it do.
 * @param others their names, `''` for the primary one
 */
export function holdsNoSuchPort(service: Service, others: readonly string[]): string {
  const none = `${nameOfService(service)} holds no such port.`
  const ways = others.map((instance) =>
    instance === '' ? 'PORTS_INSTANCE= for the primary one' : `--instance ${instance}`,
  )
  return ways.length === 0 ? none : `${none} Other instances do: ${ways.join(', ')}`
}
