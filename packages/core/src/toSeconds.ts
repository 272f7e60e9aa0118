/** A time in ISO 8601, in UTC, without fractions of a second. */
export function toSeconds(time: Date | string): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`
}
