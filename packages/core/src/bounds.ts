import type { Bounds } from './PortRange.js'

export function intersection(a: Bounds, b: Bounds): Bounds[] {
  const startPort = Math.max(a.startPort, b.startPort)
  const endPort = Math.min(a.endPort, b.endPort)
  return startPort <= endPort ? [{ startPort, endPort }] : []
}

export function without(bounds: readonly Bounds[], taken: readonly Bounds[]): Bounds[] {
  return taken.reduce<Bounds[]>(
    (left, { startPort, endPort }) =>
      left.flatMap((part) => [
        ...intersection(part, { startPort: 0, endPort: startPort - 1 }),
        ...intersection(part, { startPort: endPort + 1, endPort: 65_535 }),
      ]),
    [...bounds],
  )
}

/** Sorted, with those that touch or overlap merged. */
export function merged(bounds: readonly Bounds[]): Bounds[] {
  const result: Bounds[] = []
  for (const { startPort, endPort } of bounds.toSorted((a, b) => a.startPort - b.startPort)) {
    const last = result.at(-1)
    if (last && startPort <= last.endPort + 1) {
      result[result.length - 1] = { ...last, endPort: Math.max(last.endPort, endPort) }
    } else result.push({ startPort, endPort })
  }
  return result
}

export function contains({ startPort, endPort }: Bounds, port: number): boolean {
  return startPort <= port && port <= endPort
}
