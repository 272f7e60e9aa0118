import { nameOfRange, type ReservedNumbers } from '@ports/core'

/** `3150-3159 (nas/udp)`, without what is not limited. */
export function reservedNumbers({ hostname, protocol, ...bounds }: ReservedNumbers): string {
  const scope = [hostname, protocol].filter((part) => part !== undefined).join('/')
  return `${nameOfRange(bounds)}${scope && ` (${scope})`}`
}
