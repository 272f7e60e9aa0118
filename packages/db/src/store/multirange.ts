import type { Bounds } from '@ports/core'

/** As text of PostgreSQL's type `int4multirange`. PostgreSQL merges ranges that overlap. */
export function multirange(ranges: readonly Bounds[] = []): string {
  return `{${ranges.map(({ startPort, endPort }) => `[${startPort},${endPort}]`).join(',')}}`
}
