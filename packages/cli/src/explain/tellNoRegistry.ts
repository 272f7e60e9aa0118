import type { Explanation } from '@ports/core'
import type { Output } from '../Output.js'

/**
 * Without this notice, a wrong HOME, as under cron or sudo, looks like a number that nobody holds.
 */
export function tellNoRegistry(output: Output, { noRegistry }: Explanation): void {
  if (noRegistry !== undefined) output.notice(`${noRegistry} Only this host was examined.`)
}
