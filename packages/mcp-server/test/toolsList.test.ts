import { expect, test } from 'vitest'
import { connect, NO_DATABASE } from './connect.js'

test('shows a client the tools of the snapshot', async () => {
  const { client } = await connect(NO_DATABASE)
  const list = await client.listTools()
  await expect(JSON.stringify(list, null, 2)).toMatchFileSnapshot('toolsList.snap')
})

test('shows a model less than 9,000 bytes of names, descriptions and arguments', async () => {
  const { client } = await connect(NO_DATABASE)
  const { tools } = await client.listTools()
  const shown = tools.map(({ name, description, inputSchema }) => ({
    name,
    description,
    inputSchema,
  }))
  expect(Buffer.byteLength(JSON.stringify(shown))).toBeLessThan(9000)
})

test('introduces itself with its version and says what to call first', async () => {
  const { client } = await connect(NO_DATABASE)
  expect(client.getServerVersion()).toEqual({ name: 'ports', version: '0.1.0' })
  expect(client.getInstructions()).toContain('get-port')
})

test('advertises only the arguments that it takes, and no type that is a list', async () => {
  const { client } = await connect(NO_DATABASE)
  const { tools } = await client.listTools()
  for (const { inputSchema, outputSchema } of tools) {
    expect(inputSchema).toHaveProperty('additionalProperties', false)
    expect(JSON.stringify([inputSchema, outputSchema])).not.toMatch(/"type":\[|"null"|"anyOf"/)
  }
})
