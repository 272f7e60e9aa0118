import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import type { Environment } from './programs.js'

/**
 * Connects a client of the SDK to a server process of its own.
 * @param command the program and its arguments
 * @param client default: one that declares nothing
 */
export async function connectMcp(
  command: readonly string[],
  env: Environment,
  client = new Client({ name: 'test', version: '0' }),
): Promise<Client> {
  const [program = '', ...args] = command
  await client.connect(new StdioClientTransport({ command: program, args, env: { ...env } }))
  // The client checks results against the output schemas it has seen.
  await client.listTools()
  return client
}
