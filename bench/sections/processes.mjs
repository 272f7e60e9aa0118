import { median } from 'simple-statistics'
import { bareNode, CLI, wallTime } from '../childProcess.mjs'
import { ownRegistry } from '../ownRegistry.mjs'
import { comparePairs } from '../pairs.mjs'

export const title = 'As a whole process'

/** @param {import('../run.mjs').Context} context */
export async function measure(context) {
  const registry = ownRegistry(context)
  try {
    const { env, ports } = registry
    const { pairs, quick, signal } = context
    const starts = quick ? 1 : 9
    const get = [CLI, 'get', 'consilio', 'api']
    ports(...get.slice(1))
    const row = await comparePairs({
      name: '`ports get`, held, beside `node -e 0`',
      pairs,
      kind: 'cost',
      target: 3,
      ours: () => medianOf(starts, () => wallTime(process.execPath, get, { env, signal })),
      baseline: () => medianOf(starts, () => bareNode({ env, signal })),
      shortfall: 'what is loaded: Node compiles the command line and the driver at each start.',
    })
    return { intro: INTRO, rows: [row] }
  } finally {
    registry.close()
  }
}

async function medianOf(times, measureOne) {
  const durations = []
  for (let turn = 0; turn < times; turn++) durations.push(await measureOne())
  return median(durations)
}

const INTRO = `From the start of the process to its end, with the embedded server running, in an environment of PATH, HOME, PORTS_HOME and PORTS_PASS_OVER=none. Each side of a pair is the median of nine starts, because a single short start is easily disturbed by other load.`
