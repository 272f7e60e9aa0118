/** Compares numbers, or texts by code units. The order must not depend on a locale. */
export function inOrder<Value extends string | number>(one: Value, other: Value): number {
  return one < other ? -1 : Number(one > other)
}
