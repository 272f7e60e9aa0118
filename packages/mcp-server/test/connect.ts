import { fileURLToPath, pathToFileURL } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { type CallToolResult, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { expect, onTestFinished } from 'vitest'

export const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** Nothing listens there. */
export const NO_DATABASE = 'postgresql://ports@127.0.0.1:1/ports'

/** How tests start the server. */
export function serverOn(databaseUrl: string) {
  return {
    command: process.execPath,
    args: [MAIN],
    env: {
      PORTS_DATABASE_URL: databaseUrl,
      PORTS_PASS_OVER: 'none',
      XDG_CONFIG_HOME: process.env.XDG_CONFIG_HOME ?? '',
    },
  }
}

interface Start extends Partial<Omit<ReturnType<typeof serverOn>, 'env'>> {
  /** The client's roots, as directories or URIs. Default: it declares none. */
  readonly roots?: readonly string[]
  /** More variables for the server. */
  readonly env?: Readonly<Record<string, string>>
  readonly name?: string
}

/** A client with its own server process, for the length of a test. */
export async function connect(databaseUrl: string, start: Start = {}) {
  const { roots, env, name = 'test', ...program } = start
  const server = { ...serverOn(databaseUrl), ...program }
  const transport = new StdioClientTransport({ ...server, env: { ...server.env, ...env } })
  const capabilities = roots ? { roots: { listChanged: true } } : {}
  const client = new Client({ name, version: '0' }, { capabilities })
  let current = roots
  if (roots) {
    client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: current!.map(asRoot) }))
  }
  onTestFinished(() => client.close())
  await client.connect(transport)
  // The client checks results against the output schemas it has seen.
  await client.listTools()

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
    /** The structured result, which must be the text's too. */
    async ask(name: string, args: Record<string, unknown> = {}) {
      const result = await call(name, args)
      expect(result).not.toHaveProperty('isError')
      expect(JSON.parse(textOf(result))).toEqual(result.structuredContent)
      return result.structuredContent as Record<string, unknown>
    },
    /** The text of the error that the call must give. */
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
