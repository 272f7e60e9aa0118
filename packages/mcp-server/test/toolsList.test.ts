import type { ListToolsResult } from '@modelcontextprotocol/sdk/types.js'
import { INITIALIZE } from '@ports/testkit'
import { expect, test } from 'vitest'
import { connect, NO_DATABASE, rawClient } from './connect.js'

test('shows a client the tools of the snapshot', async () => {
  const { client } = await connect(NO_DATABASE)
  const list = await client.listTools()
  await expect(JSON.stringify(list, null, 2)).toMatchFileSnapshot('toolsList.snap')
})

test('shows a model few tools, in few bytes', async () => {
  const client = rawClient({ PORTS_DATABASE_URL: NO_DATABASE })
  await client.ask(INITIALIZE)
  const answer = await client.ask({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  const { tools } = answer.result as ListToolsResult
  const shown = tools.map(({ name, description, inputSchema }) => ({
    name,
    description,
    inputSchema,
  }))
  expect(tools.length).toBeLessThanOrEqual(10)
  expect(Buffer.byteLength(JSON.stringify(shown))).toBeLessThanOrEqual(9000)
  expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThanOrEqual(15_000)
})

test('introduces itself with its version', async () => {
  const { client } = await connect(NO_DATABASE)
  expect(client.getServerVersion()).toEqual({ name: 'ports', version: '0.1.0' })
})

test.each([
  ['what to call first', /^.*\bCall get-port before you start a server\b/],
  ['a new project', /A new project: .*PROJECT_NOT_FOUND.*create-range, then get-port/],
  ['EADDRINUSE', /EADDRINUSE.*call get-port again.*leave the process alone unless you started it/],
  ['worktrees', /Worktrees .*pass directory\b.*ports\.json.*instance/],
  ['a number that the user wants', /A number that the user wants: .*portNumber.*tell the user/],
  ['several ports', /Several ports .*allocate-port with count/],
  ['cleaning up', /Cleaning up: .*A stopped service keeps its port: do not release it\./],
  [
    'an unavailable database',
    /The database is unavailable .*do not pick a port yourself. Tell the user\.$/,
  ],
])('its instructions cover %s, and are short', async (_topic, line) => {
  const { client } = await connect(NO_DATABASE)
  const instructions = client.getInstructions()!
  expect(instructions.length).toBeLessThanOrEqual(2000)
  expect(instructions.split('\n').filter((each) => line.test(each))).toHaveLength(1)
})

test('advertises only the arguments that it takes, and no type that is a list', async () => {
  const { client } = await connect(NO_DATABASE)
  const { tools } = await client.listTools()
  for (const { inputSchema, outputSchema } of tools) {
    expect(inputSchema).toHaveProperty('additionalProperties', false)
    expect(JSON.stringify([inputSchema, outputSchema])).not.toMatch(/"type":\[|"null"|"anyOf"/)
  }
})
