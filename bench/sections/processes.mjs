import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { median } from 'simple-statistics'
import { bareNode, CLI, wallTime } from '../childProcess.mjs'
import { ownRegistry } from '../ownRegistry.mjs'
import { comparePairs } from '../pairs.mjs'

export const title = 'As a whole process'

const LISTENER = fileURLToPath(new URL('../listener.mjs', import.meta.url))
const LISTENER_ADDRESS = '127.77.0.1'
const OTHER_PROCESSES = 500

/** @param {import('../run.mjs').Context} context */
export async function measure(context) {
  const registry = ownRegistry(context)
  try {
    const { env, ports } = registry
    const { pairs, quick, signal } = context
    const starts = quick ? 1 : 9
    const port = ports('get', 'consilio', 'api')
    const compare = ({ args, ...comparison }) =>
      comparePairs({
        pairs,
        kind: 'cost',
        ours: () =>
          medianOf(starts, () => wallTime(process.execPath, [CLI, ...args], { env, signal })),
        baseline: () => medianOf(starts, () => bareNode({ env, signal })),
        ...comparison,
      })
    const get = await compare({
      name: '`ports get`, held, beside `node -e 0`',
      args: ['get', 'consilio', 'api'],
      target: 3,
      shortfall: 'what is loaded: Node compiles the command line and the driver at each start.',
    })
    const explain = await withProcesses(port, signal, () =>
      compare({
        name: `\`ports explain\`, ${OTHER_PROCESSES} processes, beside \`node -e 0\``,
        args: ['explain', port],
        target: 2,
        shortfall:
          'as for `ports get`. It also looks for the socket in what every process has open, and ' +
          'asks the registry for all that is known of the number.',
      }),
    )
    return { intro: INTRO, rows: [get, explain] }
  } finally {
    registry.close()
  }
}

/** While something listens on the port, and so many other processes run. */
async function withProcesses(port, signal, measure) {
  const stdio = ['pipe', 'pipe', 'inherit']
  const listener = spawn(process.execPath, [LISTENER, LISTENER_ADDRESS, port, 1], { signal, stdio })
  const others = Array.from({ length: OTHER_PROCESSES }, () =>
    spawn('sleep', ['86400'], { signal, stdio: 'ignore' }),
  )
  const children = [listener, ...others]
  // At a Ctrl-C.
  for (const child of children) child.on('error', () => {})
  try {
    await once(listener.stdout, 'data')
    return await measure()
  } finally {
    for (const child of children) child.kill()
    await Promise.all(children.map((child) => child.signalCode ?? once(child, 'exit')))
  }
}

async function medianOf(times, measureOne) {
  const durations = []
  for (let turn = 0; turn < times; turn++) durations.push(await measureOne())
  return median(durations)
}

const INTRO = `From the start of the process to its end, with the embedded server running, in an environment of PATH, HOME, PORTS_HOME and PORTS_PASS_OVER=none. Each side of a pair is the median of nine starts, because a single short start is easily disturbed by other load.`
