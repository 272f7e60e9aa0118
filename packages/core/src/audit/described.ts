import { nameOfService, type PortAllocation } from '../PortAllocation.js'

/** An allocation as an audit names it. */
export function described<Actual extends string>(allocation: PortAllocation, actual: Actual) {
  return {
    port: allocation.portNumber,
    expected: nameOfService(allocation),
    actual,
    hostname: allocation.hostname,
    protocol: allocation.protocol,
  }
}
