import { Client as NextClient } from '@modelcontextprotocol/client'
import { StdioClientTransport as NextTransport } from '@modelcontextprotocol/client/stdio'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { expect, onTestFinished, test } from 'vitest'
import { freshDatabase } from '../../../test/database.js'
import { serverOn } from './connect.js'

const INFO = { name: 'test', version: '0' }

async function current(url: string) {
  const client = new Client(INFO)
  await client.connect(new StdioClientTransport(serverOn(url)))
  return client
}

/** @param mode how it finds the version of the protocol; its default is `legacy` */
const next = (mode?: 'auto') => async (url: string) => {
  const client = new NextClient(INFO, mode ? { versionNegotiation: { mode } } : {})
  await client.connect(new NextTransport(serverOn(url)))
  return client
}

test.each([
  ['the SDK', current],
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
