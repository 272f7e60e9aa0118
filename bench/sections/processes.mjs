import { bareNode, CLI, wallTime } from '../childProcess.mjs'
import { ownRegistry } from '../ownRegistry.mjs'
import { comparePairs } from '../pairs.mjs'

export const title = 'As a whole process'

/** @param {import('../run.mjs').Context} context */
export async function measure(context) {
  const registry = ownRegistry(context)
  try {
    const { env, ports } = registry
    const { signal } = context
    ports('get', 'consilio', 'api')
    const row = await comparePairs({
      name: '`ports get`, held, beside `node -e 0`',
      pairs: context.quick ? 1 : 3 * context.pairs,
      kind: 'cost',
      reach: 3,
      ours: () => wallTime(process.execPath, [CLI, 'get', 'consilio', 'api'], { env, signal }),
      baseline: () => bareNode({ env, signal }),
      shortfall: 'what is loaded: Node compiles the command line and the driver at each start.',
    })
    return { intro: INTRO, rows: [row] }
  } finally {
    registry.close()
  }
}

const INTRO = `From the start of the process to its end, with the embedded server running, in an environment of PATH, HOME and PORTS_HOME. Three times as many pairs as elsewhere: one is short, and noisy.`
