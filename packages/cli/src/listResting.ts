import { type ListOptions, type RestingPort, toSeconds } from '@ports/core'
import type { Context } from './Context.js'
import { inJson } from './inJson.js'
import type { Columns } from './table.js'

const COLUMNS: Columns<RestingPort> = {
  PORT: ({ portNumber }) => portNumber,
  PROJECT: ({ projectName }) => projectName,
  'LAST HELD BY': ({ serviceName }) => serviceName,
  INSTANCE: ({ instance }) => instance || undefined,
  SCOPE: { whole: true, cell: ({ hostname, protocol }) => `${hostname}/${protocol}` },
  'RESTS UNTIL': { whole: true, cell: ({ restsUntil }) => toSeconds(restsUntil) },
}

/** Prints the numbers that rest, of a project or all. */
export async function listResting(
  { openManager, output, signal }: Context,
  projectName: string | undefined,
  options: ListOptions,
): Promise<void> {
  const ports = await openManager()
  const resting = await ports.listResting({ ...options, projectName, signal })
  if (resting.length === 0) return output.outcome([], 'No such number rests.')
  const { table } = await import('./table.js')
  output.result(inJson(resting), () => table(resting, COLUMNS, output.stdout))
}
