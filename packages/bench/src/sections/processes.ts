import { spawn } from 'node:child_process'
import { CLI } from '@ports/testkit'
import { median } from 'simple-statistics'
import { bareNode, exited, ignoreAbort, wallTime } from '../childProcess.js'
import { listen } from '../listeners.js'
import { ownRegistry } from '../ownRegistry.js'
import type { Context } from '../Section.js'

export const title = 'As a whole process'

const OTHER_PROCESSES = 500
const STARTS = 9

const intro = `From the start of the process to its end, with the embedded server running. The environment has nothing but the path, the homes, and PORTS_PASS_OVER=none. Each side of a pair is the median of ${STARTS} starts, because a single short start is easily disturbed by other load.`

export async function measure(context: Context) {
  using registry = ownRegistry(context.signal)
  const { env, ports } = registry
  const { quick, signal } = context
  const port = ports('get', 'consilio', 'api')
  const compare = (name: string, args: string[], goal: { target: number; shortfall: string }) =>
    context.compare({
      name,
      kind: 'cost',
      ours: medianOf(quick, () => wallTime(process.execPath, [CLI, ...args], { env, signal })),
      baseline: medianOf(quick, () => bareNode({ env, signal })),
      ...goal,
    })
  const get = await compare('`ports get`, held, against `node -e 0`', ['get', 'consilio', 'api'], {
    target: 3,
    shortfall: 'Node compiles the command line and the driver at each start.',
  })
  await using _listeners = await listen(Number(port), 1, signal)
  await using _others = sleepers(OTHER_PROCESSES, signal)
  const explain = await compare(
    `\`ports explain\`, ${OTHER_PROCESSES} processes, against \`node -e 0\``,
    ['explain', port],
    {
      target: 2,
      shortfall:
        'As for `ports get`. It also looks for the socket among the open files of every process, and ' +
        'asks the registry for all that is known of the number.',
    },
  )
  return { intro, rows: [get, explain] }
}

/** Processes that `ports explain` has to look at. */
function sleepers(count: number, signal: AbortSignal): AsyncDisposable {
  const children = Array.from({ length: count }, () =>
    spawn('sleep', ['86400'], { signal, stdio: 'ignore' }),
  )
  for (const child of children) ignoreAbort(child)
  return {
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill()
      await Promise.all(children.map(exited))
    },
  }
}

function medianOf(quick: boolean, measureOne: () => Promise<number>) {
  return async () => {
    const durations = []
    for (let turn = 0; turn < (quick ? 1 : STARTS); turn++) durations.push(await measureOne())
    return median(durations)
  }
}
