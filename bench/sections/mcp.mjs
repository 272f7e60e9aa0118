import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { median } from 'simple-statistics'
import { bareNode, MCP_SERVER } from '../childProcess.mjs'
import { SdkClient } from '../mcp/SdkClient.mjs'
import { StdioClient } from '../mcp/StdioClient.mjs'
import { onOneProcessor } from '../oneProcessor.mjs'
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
      target: 6,
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
    const { pid } = registry.status()
    const roundTrips = await onOneProcessor(pid, () => compareRoundTrips(context, options))
    const memory = await comparePairs({
      name: 'memory when idle, beside Node with the SDK loaded',
      pairs,
      kind: 'cost',
      unit: 'MB',
      target: 1.3,
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
    return { intro: INTRO, rows: [start, sdk, ...roundTrips, memory, memoryAfterCall] }
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

async function compareRoundTrips(context, options) {
  const { listing, result } = await describeGetPort(options)
  const nothing = { ...options, args: [JSON.stringify({ listing, result })] }
  return [
    await compareRoundTrip(context, {
      name: "`get-port`, held, beside a tool that does nothing, to the SDK's client",
      target: 1.5,
      ours: await SdkClient.connect(MCP_SERVER, options),
      nothing: await SdkClient.connect(NOTHING, nothing),
    }),
    await compareRoundTrip(context, {
      name: 'the same, to a client that does nothing but write and read',
      ours: await connect(MCP_SERVER, options),
      nothing: await connect(NOTHING, nothing),
    }),
  ]
}

async function connect(file, options) {
  const client = new StdioClient(file, options)
  await client.initialize()
  return client
}

async function describeGetPort(options) {
  const client = await connect(MCP_SERVER, options)
  const { tools } = await client.request('tools/list', {})
  const listing = tools.find(({ name }) => name === 'get-port')
  const result = await client.call('get-port', SERVICE)
  await client.close()
  return { listing, result }
}

async function compareRoundTrip({ pairs, quick }, { ours, nothing, ...goal }) {
  const medianOf = async (client, calls = quick ? 20 : 500) => {
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
      pairs,
      kind: 'cost',
      ours: () => medianOf(ours),
      baseline: () => medianOf(nothing),
      shortfall: 'the query to the database is a second round trip between two processes.',
      ...goal,
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

const INTRO = `Over stdio, to a client that only writes and reads lines. Where the client is that of the SDK, it also checks each answer against the tool's schema. The tool that does nothing is one of the SDK's \`McpServer\`, with the schemas of get-port and its answer. For a round trip, each side is the median of 500 calls, with all its processes on one processor. Memory is the proportional set size that Linux shows a second after the answer to \`initialize\`.`
