import { Client as NextClient } from '@modelcontextprotocol/client'
import { StdioClientTransport as NextTransport } from '@modelcontextprotocol/client/stdio'
import { environmentOn } from '@ports/testkit'
import { connectMcp } from '@ports/testkit/mcp'
import { freshDatabase } from '@ports/testkit/vitest'
import { expect, onTestFinished, test } from 'vitest'
import { SERVER } from './connect.js'

/** @param mode how it finds the version of the protocol; its default is `legacy` */
const next = (mode?: 'auto') => async (url: string) => {
  const client = new NextClient(
    { name: 'test', version: '0' },
    mode ? { versionNegotiation: { mode } } : {},
  )
  const [command, ...args] = SERVER
  await client.connect(new NextTransport({ command, args, env: { ...environmentOn(url) } }))
  return client
}

test.each([
  ['the SDK', (url: string) => connectMcp(SERVER, environmentOn(url))],
  ['the next generation', next()],
  ['the next generation that looks for its own version first', next('auto')],
])('a client of %s is introduced, shown the tools, and answered', async (_which, open) => {
  const client = await open(await freshDatabase())
  onTestFinished(() => client.close())
  expect(client.getServerVersion()).toMatchObject({ name: 'ports' })
  expect(client.getInstructions()).toContain('get-port')
  // The client checks results against the output schemas it has seen.
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name)).toContain('get-port')
  const service = { projectName: 'consilio', serviceName: 'api' }
  const held = await client.callTool({ name: 'get-port', arguments: service })
  expect(held.structuredContent).toMatchObject({ port: 3100, created: true })
  for (const name of ['list-ports', 'audit-ports', 'port-summary', 'release-port']) {
    const args = name === 'release-port' ? service : {}
    expect(await client.callTool({ name, arguments: args })).not.toHaveProperty('isError')
  }
  const unknown = await client.callTool({
    name: 'get-port',
    arguments: { ...service, projectName: 'ghost' },
  })
  expect(unknown).toMatchObject({
    isError: true,
    content: [{ type: 'text', text: expect.stringMatching(/^PROJECT_NOT_FOUND: /) }],
  })
})
