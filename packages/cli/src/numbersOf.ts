import type { ReleasedPort } from '@ports/core'

/** As in `3100/tcp, 3101/udp`. */
export function numbersOf(ports: readonly ReleasedPort[]): string {
  return ports.map(({ portNumber, protocol }) => `${portNumber}/${protocol}`).join(', ')
}
