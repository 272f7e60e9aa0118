import type { Explanation } from '@ports/core'
import type { Output } from '../Output.js'

/** A wrong HOME, as under cron or sudo, would otherwise look like a number that nobody holds. */
export function tellNoRegistry(output: Output, { noRegistry }: Explanation): void {
  if (noRegistry !== undefined) output.notice(`${noRegistry} Only this host was asked.`)
}
