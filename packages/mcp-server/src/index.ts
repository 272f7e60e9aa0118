import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
  RootsListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import {
  excerpt,
  isAbsent,
  MAX_LENGTH,
  type PortManager,
  PortsError,
  printable,
  printableLines,
  shown,
} from '@ports/core'
import { z } from 'zod'
import manifest from '../package.json' with { type: 'json' }
import { ClientRoot } from './ClientRoot.js'
import type { Tool } from './defineTool.js'
import { errorText } from './errorText.js'
import { INSTRUCTIONS } from './instructions.js'
import { printableResult } from './printableResult.js'
import { allocatePort } from './tools/allocatePort.js'
import { auditPorts } from './tools/auditPorts.js'
import { createRange } from './tools/createRange.js'
import { getPort } from './tools/getPort.js'
import { inspectPort } from './tools/inspectPort.js'
import { listPorts } from './tools/listPorts.js'
import { portSummary } from './tools/portSummary.js'
import { releasePort } from './tools/releasePort.js'
import { updatePort } from './tools/updatePort.js'

const TOOLS: readonly Tool[] = [
  getPort,
  allocatePort,
  listPorts,
  inspectPort,
  auditPorts,
  portSummary,
  createRange,
  releasePort,
  updatePort,
]

/** The longest text of an error, in characters: it must not flood a model. */
const MAX_ERROR_TEXT = 4000

/** A call waits no longer than this for a client that does not say what its roots are. */
const ROOTS_TIMEOUT_MS = 3000

/** Laxer than the SDK's schema: fields that are not used here may be anything. */
const ROOTS = z.looseObject({ roots: z.array(z.looseObject({ uri: z.string() })) })

/**
 * The registry as an MCP server, to be connected to a transport. Unforeseen errors go to `onerror`;
 * the client learns only that one happened.
 */
export function createServer(manager: PortManager): Server {
  const server = new StrictServer(
    { name: 'ports', version: manifest.version },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
  )

  const root = new ClientRoot(async () => {
    if (!server.getClientCapabilities()?.roots) return []
    const request = { method: 'roots/list' } as const
    const asked = server.request(request, ROOTS, { timeout: ROOTS_TIMEOUT_MS })
    return (await asked.catch(undefinedIfLate))?.roots
  })
  server.setNotificationHandler(RootsListChangedNotificationSchema, () => root.forget())

  async function answer(tool: Tool, args: unknown, signal: AbortSignal): Promise<CallToolResult> {
    try {
      const result = printableResult(
        await tool.call(manager, args, { signal, actor: clientOf(server) }, root),
      )
      return { structuredContent: result, content: text(JSON.stringify(result)) }
    } catch (error) {
      // A cancelled call rejects with whatever reason the client gave, and nobody reads the answer.
      if (!(error instanceof PortsError || signal.aborted)) server.onerror?.(error as Error)
      return { isError: true, content: text(told(errorText(error, tool))) }
    }
  }

  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
    refuseCursor(params?.cursor)
    return { tools: TOOLS.map((tool) => tool.listing()) }
  })
  server.setRequestHandler(CallToolRequestSchema, ({ params }, { signal }) =>
    answer(toolNamed(params.name), params.arguments ?? {}, signal),
  )
  return server
}

function undefinedIfLate(error: unknown): undefined {
  if (!(error instanceof McpError && error.code === ErrorCode.RequestTimeout)) throw error
}

/** Reports malformed parameters as such; the SDK alone would report an internal error. */
class StrictServer extends Server {
  override setRequestHandler(...[schema, handler]: Parameters<Server['setRequestHandler']>): void {
    const whole = schema as unknown as z.ZodObject<{ method: z.ZodLiteral<string> }>
    const judged = z.looseObject({ method: whole.shape.method }).superRefine((request) => {
      const { error } = whole.safeParse(request)
      if (error) throw new McpError(ErrorCode.InvalidParams, malformed(error.issues[0]!))
    })
    super.setRequestHandler(judged, (request, extra) => handler(whole.parse(request), extra))
  }
}

function malformed({ path, message }: z.core.$ZodIssue): string {
  return told(printable(`${path.join('.')}: ${message}`))
}

function told(message: string): string {
  return excerpt(printableLines(message), MAX_ERROR_TEXT)
}

/** The name and version that the client gave when it connected, as the actor of its calls. */
function clientOf(server: Server): string | undefined {
  const client = server.getClientVersion()
  if (!client) return undefined
  const actor = printable(`${client.name} ${client.version}`).trim()
  return excerpt(actor, MAX_LENGTH.actor)
}

/** All tools are on one page, so no cursor can be one of ours. */
function refuseCursor(cursor: string | undefined): void {
  if (isAbsent(cursor)) return
  const message = `cursor is ${shown(cursor)}, but must be left out: there is one page.`
  throw new McpError(ErrorCode.InvalidParams, message)
}

function toolNamed(name: string): Tool {
  const tool = TOOLS.find((known) => known.name === name)
  if (tool) return tool
  const names = TOOLS.map((known) => known.name).join(', ')
  throw new McpError(ErrorCode.InvalidParams, `Unknown tool ${shown(name)}; known tools: ${names}`)
}

function text(content: string): CallToolResult['content'] {
  return [{ type: 'text', text: content }]
}
