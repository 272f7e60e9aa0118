import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Environment, MCP_SERVER, StdioClient } from '@ports/testkit'
import { connectMcp } from '@ports/testkit/mcp'
import { median } from 'simple-statistics'
import { bareNode } from '../childProcess.js'
import type { Question } from '../comparison.js'
import { onOneProcessor } from '../oneProcessor.js'
import { ownRegistry } from '../ownRegistry.js'
import type { Context } from '../Section.js'
import { timed } from '../timed.js'

export const title = 'As an MCP server'

const ONE_TOOL = programOf('oneTool')
const NO_TOOLS = programOf('noTools')
const SERVICE = { projectName: 'consilio', serviceName: 'api' }
/** After this time, a server has freed the memory that only its start needed. */
const IDLE_MS = 1000

const intro = `Over stdio, to a client that only writes and reads lines. In one row the client is that of the SDK, which also checks each answer against the tool's schema. The tool that does nothing is one of the SDK's \`McpServer\`, with the schemas of get-port and its answer. For a round trip, each side is the median of 500 calls, with all its processes on one processor. Memory is the proportional set size that Linux shows a second after the answer to \`initialize\`.`

function programOf(name: string) {
  return fileURLToPath(new URL(`../mcp/${name}.js`, import.meta.url))
}

interface ServerOptions {
  readonly args?: readonly string[]
  readonly env: Environment
  readonly signal: AbortSignal
}

export async function measure(context: Context) {
  using registry = ownRegistry(context.signal)
  const { pairs, quick, signal } = context
  const options = { env: registry.env, signal }
  const compare = (question: Omit<Question, 'kind'>) =>
    context.compare({ kind: 'cost', ...question })
  const start = await compare({
    name: 'start to `initialize` answered, against `node -e 0`',
    pairs: quick ? 1 : 2 * pairs,
    target: 6,
    ours: () => timeToInitialize(MCP_SERVER, options),
    baseline: () => bareNode(options),
    shortfall:
      'The SDK and Zod are loaded. The next row compares with a process that loads the SDK alone, file ' +
      'by file.',
  })
  const sdk = await compare({
    name: 'the same, against a server of the SDK without tools',
    ours: () => timeToInitialize(MCP_SERVER, options),
    baseline: () => timeToInitialize(NO_TOOLS, options),
  })
  const roundTrips = await onOneProcessor(registry.status().pid, () =>
    compareRoundTrips(context, options),
  )
  const memory = await compare({
    name: 'memory when idle, against Node with the SDK loaded',
    unit: 'MB',
    target: 1.3,
    ours: () => idleMemory(MCP_SERVER, options),
    baseline: () => idleMemory(NO_TOOLS, options),
  })
  const memoryAfterCall = await compare({
    name: 'the same, after a first `get-port`',
    pairs: Math.ceil(pairs / 2),
    unit: 'MB',
    ours: () => idleMemory(MCP_SERVER, options, (client) => client.call('get-port', SERVICE)),
    baseline: () => idleMemory(NO_TOOLS, options),
  })
  return { intro, rows: [start, sdk, ...roundTrips, memory, memoryAfterCall] }
}

function timeToInitialize(file: string, options: ServerOptions) {
  const started = performance.now()
  return withClient(file, options, async () => performance.now() - started)
}

/** Returns megabytes. Memory that several processes share counts in parts (PSS). */
function idleMemory(
  file: string,
  options: ServerOptions,
  use = async (_client: StdioClient): Promise<unknown> => undefined,
) {
  return withClient(file, options, async (client) => {
    await use(client)
    await sleep(IDLE_MS)
    const rollup = readFileSync(`/proc/${client.child.pid}/smaps_rollup`, 'utf8')
    return Number(/^Pss: +(\d+) kB$/m.exec(rollup)?.[1]) / 1000
  })
}

async function withClient<Result>(
  file: string,
  options: ServerOptions,
  use: (client: StdioClient) => Promise<Result>,
) {
  const client = await stdioClient(file, options)
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

async function stdioClient(file: string, { args = [], env, signal }: ServerOptions) {
  const client = new StdioClient([process.execPath, file, ...args], env, signal)
  await client.initialize()
  return client
}

async function sdkClient(file: string, { args = [], env }: ServerOptions) {
  const client = await connectMcp([process.execPath, file, ...args], env)
  return {
    async call(name: string, args: Record<string, unknown>) {
      const result = await client.callTool({ name, arguments: args })
      if (result.isError) throw new Error(`${name}: ${JSON.stringify(result.content)}`)
    },
    close: () => client.close(),
  }
}

type ToolClient = Awaited<ReturnType<typeof sdkClient>> | StdioClient

async function compareRoundTrips(context: Context, options: ServerOptions) {
  const description = await withClient(MCP_SERVER, options, describeGetPort)
  const oneTool = { ...options, args: [JSON.stringify(description)] }
  const medianOf = async (client: ToolClient) => {
    const durations = []
    for (let call = 0; call < (context.quick ? 20 : 500); call++) {
      durations.push(await timed(() => client.call('get-port', SERVICE)))
    }
    return median(durations)
  }
  const rows = []
  for (const [name, connect, target] of [
    ["`get-port`, held, against a tool that does nothing, to the SDK's client", sdkClient, 1.5],
    ['the same, to a client that only writes and reads', stdioClient, undefined],
  ] as const) {
    const ours = await connect(MCP_SERVER, options)
    const nothing = await connect(ONE_TOOL, oneTool)
    // V8 compiles the code of both during the first calls.
    for (const client of [ours, nothing]) await medianOf(client)
    rows.push(
      await context.compare({
        name,
        kind: 'cost',
        ours: () => medianOf(ours),
        baseline: () => medianOf(nothing),
        shortfall:
          'Most of the time is the check of what listens on the port, whose cost is explained above. ' +
          'The query to the database is also a second round trip between two processes.',
        ...(target && { target }),
      }),
    )
    for (const client of [ours, nothing]) await client.close()
  }
  return rows
}

async function describeGetPort(client: StdioClient) {
  const { result } = await client.ask({ jsonrpc: '2.0', id: 'list', method: 'tools/list' })
  const listing = result.tools.find(({ name }: { name: string }) => name === 'get-port')
  return { listing, result: await client.call('get-port', SERVICE) }
}
