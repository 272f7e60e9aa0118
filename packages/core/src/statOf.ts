import { type BigIntStats, fstatSync, statSync } from 'node:fs'

/**
 * The stats of a path or of an open file, as bigints. Without bigints, Node keeps the numbers of
 * the last call. If they are those of a FIFO, Node's `realpathSync` stops too early, and a module
 * that is imported next is loaded a second time, by another path.
 * @throws as `statSync`
 */
export function statOf(file: string | number): BigIntStats {
  const options = { bigint: true } as const
  return typeof file === 'number' ? fstatSync(file, options) : statSync(file, options)
}
