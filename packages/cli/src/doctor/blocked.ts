import { BLOCKED_PORTS, nameOfService, type PortAllocation, type PortManager } from '@ports/core'
import { commandLine } from '../commandLine.js'
import { spelledHost } from '../spelledHost.js'
import { spelledInstance } from '../spelledInstance.js'
import type { Check } from './Check.js'

/** Checks whether services hold numbers that no browser opens. */
export const blockedCheck: Check = {
  name: 'blocked',
  async run(subject) {
    const records = await subject.records()
    if (records === undefined) return []
    const blocked = records.allocations.filter(
      ({ protocol, portNumber }) => protocol === 'tcp' && BLOCKED_PORTS.includes(portNumber),
    )
    if (blocked.length === 0) {
      return [{ state: 'ok', message: 'No service holds a number that browsers refuse to open.' }]
    }
    const ports = await subject.context.openManager()
    return blocked.map((each) => ({
      state: 'warning',
      message:
        `${nameOfService(each)} holds ${each.portNumber} on ${each.hostname}, which browsers and ` +
        'fetch() refuse to open.',
      fix: moveLine(each, ports),
    }))
  },
}

function moveLine(allocation: PortAllocation, ports: PortManager): string {
  const { projectName, serviceName, instance, hostname, portNumber } = allocation
  const host = spelledHost(hostname, ports)
  const words = ['ports', 'move', projectName, serviceName]
  const options = [
    ...['--from', `${portNumber}`],
    ...spelledInstance(projectName, instance, ports),
    ...host.options,
  ]
  return `${host.environment}${commandLine(...words)} <port> ${commandLine(...options)}`
}
