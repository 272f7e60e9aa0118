import leven from 'leven'

/**
 * At most `max` of the names: all of them in their order, or if there are more, those nearest to
 * `name`, nearest first.
 */
export function nearestNames(name: string, names: readonly string[], max: number): string[] {
  if (names.length <= max) return [...names]
  return byDistance(name, names)
    .slice(0, max)
    .map(({ known }) => known)
}

/**
 * The name that was probably meant by `name`, which is not among the names: the nearest one, if it
 * differs in at most a third of the letters. Case does not count. Undefined if there is none.
 */
export function probablyMeant(name: string, names: readonly string[]): string | undefined {
  const [nearest] = byDistance(name, names)
  const isNear = nearest !== undefined && nearest.distance <= Math.floor(name.length / 3)
  return isNear ? nearest.known : undefined
}

/** Nearest first. Case does not count. */
function byDistance(name: string, names: readonly string[]) {
  const lower = name.toLowerCase()
  return names
    .map((known) => ({ known, distance: leven(lower, known.toLowerCase()) }))
    .sort((one, other) => one.distance - other.distance)
}

/** Shorter names differ by one letter without being alike. */
const MIN_LENGTH = 3

/**
 * Those of the names that may have been meant by `name`: they differ from it only in case, or in
 * one letter. Names that differ only in digits, such as worker-1 and worker-2, do not count as
 * alike.
 */
export function lookalikes(name: string, names: readonly string[]): string[] {
  const lower = name.toLowerCase()
  const isAlike = (known: string) =>
    known.toLowerCase() === lower ||
    (Math.min(known.length, name.length) >= MIN_LENGTH &&
      withoutDigits(known) !== withoutDigits(name) &&
      leven(known.toLowerCase(), lower) === 1)
  return names.filter((known) => known !== name && isAlike(known))
}

function withoutDigits(name: string): string {
  return name.replace(/\d/g, '')
}
