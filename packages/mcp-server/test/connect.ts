import { pathToFileURL } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { type CallToolResult, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { cleanEnvironment, environmentOn, MCP_SERVER, StdioClient } from '@ports/testkit'
import { connectMcp } from '@ports/testkit/mcp'
import { expect, onTestFinished } from 'vitest'

export const SERVER = [process.execPath, MCP_SERVER] as const

/** Nothing listens there. */
export const NO_DATABASE = 'postgresql://ports@127.0.0.1:1/ports'

/** A client that writes any line. It ends with the test. */
export function rawClient(environment: Readonly<Record<string, string>>): StdioClient {
  const client = new StdioClient(SERVER, cleanEnvironment(environment))
  onTestFinished(() => void client.child.kill('SIGKILL'))
  return client
}

interface Start {
  /** A command that runs the server. */
  readonly through?: readonly string[]
  /** The client's roots, as directories or URIs. Default: it declares none. */
  readonly roots?: readonly string[]
  /** More variables for the server. */
  readonly env?: Readonly<Record<string, string>>
  readonly name?: string
}

/** A client with its own server process. Both end with the test. */
export async function connect(databaseUrl: string, start: Start = {}) {
  const { through = [], roots, env, name = 'test' } = start
  const capabilities = roots ? { roots: { listChanged: true } } : {}
  const client = new Client({ name, version: '0' }, { capabilities })
  let current = roots
  if (roots) {
    client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: current!.map(asRoot) }))
  }
  onTestFinished(() => client.close())
  await connectMcp([...through, ...SERVER], environmentOn(databaseUrl, env), client)

  async function call(name: string, args: Record<string, unknown>) {
    return (await client.callTool({ name, arguments: args })) as CallToolResult
  }

  return {
    client,
    /** Changes the client's roots, and tells the server that they changed. */
    async moveTo(...others: string[]) {
      current = others
      await client.sendRootsListChanged()
    },
    /** Returns the structured result, which must equal the text. */
    async ask(name: string, args: Record<string, unknown> = {}) {
      const result = await call(name, args)
      expect(result).not.toHaveProperty('isError')
      expect(JSON.parse(textOf(result))).toEqual(result.structuredContent)
      return result.structuredContent as Record<string, unknown>
    },
    /** Returns the text of the error that the call must return. */
    async failure(name: string, args: Record<string, unknown> = {}) {
      const result = await call(name, args)
      expect(result.isError).toBe(true)
      expect(result).not.toHaveProperty('structuredContent')
      return textOf(result)
    },
  }
}

function asRoot(root: string) {
  return { uri: root.startsWith('/') ? pathToFileURL(root).href : root }
}

function textOf({ content }: CallToolResult): string {
  expect(content).toHaveLength(1)
  return content[0]?.type === 'text' ? content[0].text : ''
}
