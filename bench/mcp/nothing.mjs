// A server of the SDK with one tool that is described as get-port is and answers at once with what it
// was started with: node bench/mcp/nothing.mjs <JSON of { listing, result }>
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { fromJSONSchema } from 'zod'

const { listing, result } = JSON.parse(process.argv[2])
const { name, title, description, annotations, inputSchema, outputSchema } = listing
const server = new McpServer({ name: 'nothing', version: '0' })
server.registerTool(
  name,
  {
    ...{ title, description, annotations },
    inputSchema: fromJSONSchema(inputSchema),
    outputSchema: fromJSONSchema(outputSchema),
  },
  () => result,
)
await server.connect(new StdioServerTransport())
