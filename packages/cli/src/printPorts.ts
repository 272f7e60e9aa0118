import {
  CANNOT_SEE,
  currentDirectory,
  type EnsureManyResult,
  noteMadeFrom,
  type PortManager,
  skippedText,
} from '@ports/core'
import type { Context } from './Context.js'
import { warningsOfSharing } from './hostnameWarnings.js'
import { noticesOfLeases } from './noticesOfLeases.js'
import { noticesOfNew } from './noticesOfNew.js'

/**
 * Prints the ports that `get` got. On stderr it says what was allocated just now, which numbers were
 * passed over or could not be looked at, and what looks wrong.
 * @param answer the result, in the form for programs and in the form for people
 */
export async function printPorts(
  { output, signal }: Context,
  ports: PortManager,
  { allocations, skipped, cannotSee }: EnsureManyResult,
  answer: { readonly json: object; readonly numbers: readonly number[] },
): Promise<void> {
  const warnings = warningsOfSharing(allocations, output)
  const unseen = cannotSee.length > 0 && { cannotSee }
  output.result({ ...answer.json, ...unseen, ...warnings }, () => answer.numbers.join('\n'))
  const hasBoth = new Set(allocations.map(({ protocol }) => protocol)).size > 1
  const named = hasBoth ? skipped : skipped.map(({ protocol: _, ...each }) => each)
  const given = allocations.filter(({ created }) => created)
  for (const notice of skippedText(named, given)) output.notice(notice)
  for (const notice of noticesOfLeases(allocations)) output.notice(notice)
  for (const each of cannotSee) output.notice(CANNOT_SEE[each])
  for (const notice of await noticesOfNew(allocations, ports, signal)) output.notice(notice)
  const directory = currentDirectory()
  if (directory !== undefined) await noteMadeFrom(ports, directory, allocations, { signal })
}
