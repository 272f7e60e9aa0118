import { isLoopback } from '@ports/core'

/** The port that a text stands for, or undefined. */
export function portIn(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65535 ? port : undefined
}

/** Whether a client that connects to such a host connects to the machine that it is on. */
export function isThisHost(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  return isLoopback(bare) || bare === '0.0.0.0' || bare === '::'
}
