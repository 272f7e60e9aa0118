import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { accepted, type ServerOptions } from './StdioClient.js'

/** An MCP client as programs have it. */
export class SdkClient implements AsyncDisposable {
  #client = new Client({ name: 'bench', version: '0' })

  static async connect(file: string, { args = [], env }: ServerOptions) {
    const client = new SdkClient()
    const transport = { command: process.execPath, args: [file, ...args], env }
    await client.#client.connect(new StdioClientTransport(transport))
    // From here on it knows the schemas of the answers.
    await client.#client.listTools()
    return client
  }

  /** @throws {Error} also if the tool refuses: a call that fails is not fast */
  async call(name: string, args: Record<string, unknown>) {
    return accepted(name, await this.#client.callTool({ name, arguments: args }))
  }

  async [Symbol.asyncDispose]() {
    await this.#client.close()
  }
}
