import { nameOfRange, PortsError } from '@ports/core'
import type { Context } from './Context.js'

/**
 * Runs the call. If the project has no range and one is wanted, creates one and runs the call
 * again. Arguments that are refused therefore create none.
 * @param wanted how many ports, or true for the usual number
 */
export async function withRange<Answer>(
  { openManager, output, signal }: Context,
  projectName: string,
  wanted: number | true | undefined,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await ask()
  } catch (error) {
    const isNew = error instanceof PortsError && error.code === 'PROJECT_NOT_FOUND'
    if (wanted === undefined || !isNew) throw error
  }
  const ports = await openManager()
  const block = wanted === true ? {} : { size: wanted }
  const { range, created } = await ports.ensureRange(projectName, block, { signal })
  if (created) output.notice(`Created the range ${nameOfRange(range)} for ${projectName}.`)
  return ask()
}
