import type { Bounds } from '../PortRange.js'

/** A range as errors and tables show it: `3000-3099`, `8096`, `8096 on nas`. */
export function nameOfRange({ startPort, endPort, hostname }: Bounds & { hostname?: string }) {
  const numbers = startPort === endPort ? `${startPort}` : `${startPort}-${endPort}`
  return hostname === undefined ? numbers : `${numbers} on ${hostname}`
}
