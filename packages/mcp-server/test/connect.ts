import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { expect, onTestFinished } from 'vitest'

export const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** Nothing listens there. */
export const NO_DATABASE = 'postgresql://ports@127.0.0.1:1/ports'

/** How the server is started. */
interface Start {
  readonly command?: string
  readonly args?: string[]
}

/** A client of a server process of its own, for the length of a test. */
export async function connect(databaseUrl: string, start: Start = {}) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MAIN],
    ...start,
    env: {
      PORTS_DATABASE_URL: databaseUrl,
      PORTS_PASS_OVER: 'none',
      XDG_CONFIG_HOME: process.env.XDG_CONFIG_HOME ?? '',
    },
  })
  const client = new Client({ name: 'test', version: '0' })
  onTestFinished(() => client.close())
  await client.connect(transport)
  // The client checks results against the output schemas it has seen.
  await client.listTools()

  async function call(name: string, args: Record<string, unknown>) {
    return (await client.callTool({ name, arguments: args })) as CallToolResult
  }

  return {
    client,
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

function textOf({ content }: CallToolResult): string {
  expect(content).toHaveLength(1)
  return content[0]?.type === 'text' ? content[0].text : ''
}
