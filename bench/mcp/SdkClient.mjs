import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'

/** An MCP client as programs have it. */
export class SdkClient {
  #client

  static async connect(file, { args = [], env }) {
    const client = new Client({ name: 'bench', version: '0' })
    const command = process.execPath
    await client.connect(new StdioClientTransport({ command, args: [file, ...args], env }))
    // From here on it knows the schemas of the answers.
    await client.listTools()
    return new SdkClient(client)
  }

  constructor(client) {
    this.#client = client
  }

  /** @throws {Error} for a tool's refusal as well: what fails is not fast */
  async call(name, args) {
    const result = await this.#client.callTool({ name, arguments: args })
    if (result.isError) throw new Error(`${name}: ${JSON.stringify(result.content)}`)
    return result
  }

  close() {
    return this.#client.close()
  }
}
