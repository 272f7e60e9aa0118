import type { EphemeralOverlap } from '@ports/core'

/** The command that keeps the kernel from giving those numbers to outgoing connections, for root. */
export function reservingCommand({ reservedPorts }: EphemeralOverlap): string {
  return `sysctl -w net.ipv4.ip_local_reserved_ports=${reservedPorts}`
}
