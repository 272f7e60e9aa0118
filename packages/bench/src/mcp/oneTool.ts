// A server of the SDK with one tool that has the description of get-port and answers at once with the
// result that it was started with: node oneTool.js <JSON of { listing, result }>
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { fromJSONSchema } from 'zod'

const { listing, result } = JSON.parse(process.argv[2]!)
const { name, inputSchema, outputSchema, ...description } = listing
const server = new McpServer({ name: 'one-tool', version: '0' })
server.registerTool(
  name,
  {
    ...description,
    inputSchema: fromJSONSchema(inputSchema),
    outputSchema: fromJSONSchema(outputSchema),
  },
  () => result,
)
await server.connect(new StdioServerTransport())
