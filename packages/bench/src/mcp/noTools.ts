// Loads the MCP SDK and serves no tools.
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'

const server = new Server({ name: 'no-tools', version: '0' }, { capabilities: {} })
await server.connect(new StdioServerTransport())
