import leven from 'leven'

/**
 * At most `max` of the names: all of them in their order, or if there are more, those nearest to
 * `name`, nearest first.
 */
export function nearestNames(name: string, names: readonly string[], max: number): string[] {
  if (names.length <= max) return [...names]
  return names
    .map((known) => ({ known, distance: leven(name, known) }))
    .sort((one, other) => one.distance - other.distance)
    .slice(0, max)
    .map(({ known }) => known)
}
