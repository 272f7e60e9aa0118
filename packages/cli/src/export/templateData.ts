import { type PortAllocation, printable } from '@ports/core'
import { addressOf } from './addressOf.js'
import { grouped } from './grouped.js'
import { mainPort } from './mainPort.js'
import type { Exported } from './Target.js'

/** What templates can use. Everything is there in every registry; null is what is not known. */
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

/** `ports get` means TCP unless told otherwise. */
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
  // One line without hidden characters, so that it can stand in a comment.
  const textOf = (text: string | undefined) => (text === undefined ? null : printable(text))
  return {
    project: allocation.projectName,
    service: allocation.serviceName,
    // In Liquid an empty text is true.
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
