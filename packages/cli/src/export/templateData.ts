import { type PortAllocation, printable } from '@ports/core'
import { addressOf } from './addressOf.js'
import { grouped } from './grouped.js'
import { mainPort } from './mainPort.js'
import type { Exported } from './Target.js'

/**
 * The variables of templates. Every variable is always defined, because an undefined one is an
 * error in a template. A value that is not set is null.
 */
export async function templateData(exported: Exported) {
  const { allocations } = exported
  const services = []
  for (const all of grouped(allocations, placeOf).values()) {
    services.push(serviceOf(all, (await mainPort(exported, tcpFirst(all))) ?? all[0]!))
  }
  const projects = [...grouped(services, ({ project }) => project)].map(([name, all]) => ({
    name,
    services: all,
  }))
  return { projects, services, ports: allocations.map(portOf) }
}

function placeOf({ projectName, serviceName, instance, hostname }: PortAllocation): string {
  return [projectName, serviceName, instance, hostname].join(' ')
}

/** The TCP ports if there are any, because TCP is the default protocol of `ports get`. */
function tcpFirst(allocations: readonly PortAllocation[]): readonly PortAllocation[] {
  const tcp = allocations.filter(({ protocol }) => protocol === 'tcp')
  return tcp.length > 0 ? tcp : allocations
}

function serviceOf(allocations: readonly PortAllocation[], main: PortAllocation) {
  const { service: name, ...rest } = portOf(main)
  return { ...rest, name, ports: allocations.map(portOf) }
}

function portOf(allocation: PortAllocation) {
  const { serviceType, description, cloudflareHostname, instance } = allocation
  // One line without control characters, so that a template can put it in a comment.
  const textOf = (text: string | undefined) => (text === undefined ? null : printable(text))
  return {
    project: allocation.projectName,
    service: allocation.serviceName,
    // In Liquid an empty string is truthy.
    instance: instance === '' ? null : instance,
    hostname: allocation.hostname,
    protocol: allocation.protocol,
    port: allocation.portNumber,
    address: addressOf(allocation),
    type: textOf(serviceType),
    description: textOf(description),
    cloudflareHostname: cloudflareHostname ?? null,
  }
}
