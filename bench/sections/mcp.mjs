import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { median } from 'simple-statistics'
import { bareNode, MCP_SERVER } from '../childProcess.mjs'
import { StdioClient } from '../mcp/StdioClient.mjs'
import { ownRegistry } from '../ownRegistry.mjs'
import { comparePairs } from '../pairs.mjs'

export const title = 'As an MCP server'

const NOTHING = fileURLToPath(new URL('../mcp/nothing.mjs', import.meta.url))
const SDK = fileURLToPath(new URL('../mcp/sdk.mjs', import.meta.url))
const SERVICE = { projectName: 'consilio', serviceName: 'api' }
/** Until what was only needed to start has been given back. */
const IDLE_MS = 1000

/** @param {import('../run.mjs').Context} context */
export async function measure(context) {
  const registry = ownRegistry(context)
  try {
    const { pairs, quick, signal } = context
    const options = { env: registry.env, signal }
    const start = await comparePairs({
      name: 'start to `initialize` answered, beside `node -e 0`',
      pairs: quick ? 1 : 2 * pairs,
      kind: 'cost',
      reach: 6,
      ours: () => timeToInitialize(options),
      baseline: () => bareNode(options),
      shortfall:
        'loading the SDK and Zod; a process with the SDK alone, file by file, needs the next row.',
    })
    const sdk = await comparePairs({
      name: 'the same, beside a server of the SDK that offers nothing',
      pairs,
      kind: 'cost',
      ours: () => timeToInitialize(options),
      baseline: () => timeToInitialize(options, SDK),
    })
    const roundTrip = await compareRoundTrips(context, options)
    const memory = await comparePairs({
      name: 'memory when idle, beside Node with the SDK loaded',
      pairs,
      kind: 'cost',
      unit: 'MB',
      reach: 1.3,
      ours: () => idleMemory(MCP_SERVER, options),
      baseline: () => idleMemory(SDK, options),
    })
    const memoryAfterCall = await comparePairs({
      name: 'the same, after a first `get-port`',
      pairs: Math.ceil(pairs / 2),
      kind: 'cost',
      unit: 'MB',
      ours: () => idleMemory(MCP_SERVER, options, (client) => client.call('get-port', SERVICE)),
      baseline: () => idleMemory(SDK, options),
    })
    return { intro: INTRO, rows: [start, sdk, roundTrip, memory, memoryAfterCall] }
  } finally {
    registry.close()
  }
}

async function timeToInitialize(options, file = MCP_SERVER) {
  const started = performance.now()
  const client = new StdioClient(file, options)
  await client.initialize()
  const duration = performance.now() - started
  await client.close()
  return duration
}

async function compareRoundTrips({ pairs, quick }, options) {
  const calls = quick ? 20 : 500
  const ours = new StdioClient(MCP_SERVER, options)
  await ours.initialize()
  const { tools } = await ours.request('tools/list', {})
  const listing = tools.find(({ name }) => name === 'get-port')
  const result = await ours.call('get-port', SERVICE)

  const args = [JSON.stringify({ listing, result })]
  const nothing = new StdioClient(NOTHING, { ...options, args })
  await nothing.initialize()
  const medianOf = async (client) => {
    const durations = []
    for (let call = 0; call < calls; call++) {
      const started = performance.now()
      await client.call('get-port', SERVICE)
      durations.push(performance.now() - started)
    }
    return median(durations)
  }
  // Until both are compiled as far as they will be.
  for (const client of [ours, nothing]) await medianOf(client)
  try {
    return await comparePairs({
      name: '`get-port`, held, round trip beside a tool that does nothing',
      pairs,
      kind: 'cost',
      reach: 1.5,
      ours: () => medianOf(ours),
      baseline: () => medianOf(nothing),
      shortfall: 'the question to the database, a round trip of its own.',
    })
  } finally {
    await ours.close()
    await nothing.close()
  }
}

/** Megabytes of the server's own: memory that processes share counts in parts (PSS). */
async function idleMemory(file, options, use = async () => {}) {
  const client = new StdioClient(file, options)
  await client.initialize()
  await use(client)
  await sleep(IDLE_MS)
  const rollup = readFileSync(`/proc/${client.pid}/smaps_rollup`, 'utf8')
  await client.close()
  return Number(/^Pss: +(\d+) kB$/m.exec(rollup)[1]) / 1000
}

const INTRO = `Over stdio, to a client that writes and reads lines and is nothing more. The tool that does nothing is one of the SDK's \`McpServer\`, with the schemas of get-port and its answer. Of a round trip each side is the median of 500 calls; memory is the proportional set size that Linux tells, a second after the answer to \`initialize\`.`
