import { once } from 'node:events'
import { call, INITIALIZE, type StdioClient } from '@ports/testkit'
import { expect, test } from 'vitest'
import { NO_DATABASE, rawClient } from './connect.js'

const PARSE_ERROR = -32700
const INVALID_REQUEST = -32600
const INVALID_PARAMS = -32602
const METHOD_NOT_FOUND = -32601

async function started(): Promise<StdioClient> {
  const client = rawClient({ PORTS_DATABASE_URL: NO_DATABASE })
  await client.ask(INITIALIZE)
  return client
}

async function expectAlive(client: StdioClient): Promise<void> {
  expect(await client.ask({ jsonrpc: '2.0', id: 'alive', method: 'ping' })).toEqual({
    jsonrpc: '2.0',
    id: 'alive',
    result: {},
  })
}

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
const nestedObjects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
const service = '"projectName":"consilio","serviceName":"api"'
const getPort = (args: string, more = '') =>
  `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get-port","arguments":{${args}}${more}}}`

test('refuses a line over the limit without keeping it, and goes on', async () => {
  const client = await started()
  const chunk = 'x'.repeat(1024 * 1024)
  for (let megabyte = 0; megabyte < 200; megabyte++) {
    if (!client.child.stdin.write(chunk)) await once(client.child.stdin, 'drain')
  }
  expect(await client.ask('')).toEqual({
    jsonrpc: '2.0',
    id: null,
    error: { code: INVALID_REQUEST, message: 'A line may have at most 10485760 bytes.' },
  })
  await expectAlive(client)
  // Only Linux tells.
  if (process.platform === 'linux') expect(client.peakMemory).toBeLessThan(150e6)
  expect(client.log).toBe('ports-mcp: A line may have at most 10485760 bytes.\n')
})

test.each([
  ['no JSON', 'this is no JSON', PARSE_ERROR, null],
  ['JSON that is cut off', '{"jsonrpc":"2.0","id":7,', PARSE_ERROR, null],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), PARSE_ERROR, null],
  ['a text', '"text"', INVALID_REQUEST, null],
  ['null', 'null', INVALID_REQUEST, null],
  ['a batch', `[${JSON.stringify(call(7, 'audit-ports'))}]`, INVALID_REQUEST, null],
  ['an empty batch', '[]', INVALID_REQUEST, null],
  ['an object', '{}', INVALID_REQUEST, null],
  ['another version', '{"jsonrpc":"1.0","id":7,"method":"ping"}', INVALID_REQUEST, 7],
  ['a method that is no text', '{"jsonrpc":"2.0","id":7,"method":7}', INVALID_REQUEST, 7],
  ['no method', '{"jsonrpc":"2.0","id":"x"}', INVALID_REQUEST, 'x'],
  ['an id of null', '{"jsonrpc":"2.0","id":null,"method":"ping"}', INVALID_REQUEST, null],
  [
    'an id that is no whole number',
    '{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
    INVALID_REQUEST,
    null,
  ],
  [
    'params that are a list',
    '{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}',
    INVALID_REQUEST,
    7,
  ],
  ['a member too many', '{"jsonrpc":"2.0","id":7,"method":"ping","more":1}', INVALID_REQUEST, 7],
  [
    'an id of a megabyte',
    `{"jsonrpc":"2.0","id":"${'x'.repeat(1e6)}","method":"ping"}`,
    INVALID_REQUEST,
    null,
  ],
])('answers %s with an error of JSON-RPC and one line of log', async (_what, line, code, id) => {
  const client = await started()
  const before = client.answers.length
  client.child.stdin.write(line)
  client.child.stdin.write('\n')
  const answer = (await client.received(before + 1))[before]!
  expect(answer).toEqual({ jsonrpc: '2.0', id, error: { code, message: expect.any(String) } })
  expect(JSON.stringify(answer).length).toBeLessThan(500)
  await expectAlive(client)
  expect(client.log).toBe(`ports-mcp: ${answer.error!.message}\n`)
})

test.each([
  ['as an argument', getPort(`"projectName":${nested(100_000)},"serviceName":"api"`)],
  ['as an argument of objects', getPort(`"projectName":${nestedObjects(100_000)}`)],
  ['as an optional argument', getPort(`${service},"hostname":${nested(100_000)}`)],
  ['as an unknown argument', getPort(`${service},"more":${nested(100_000)}`)],
  ['as the arguments', getPort('').replace('{}', nested(100_000))],
  ['in _meta', getPort(service, `,"_meta":{"a":${nestedObjects(100_000)}}`)],
  ['as _meta', getPort(service, `,"_meta":${nestedObjects(100_000)}`)],
  ['as the name of a tool', getPort('').replace('"get-port"', nested(100_000))],
  ['as params', `{"jsonrpc":"2.0","id":7,"method":"ping","params":${nestedObjects(100_000)}}`],
  ['as a method', `{"jsonrpc":"2.0","id":7,"method":${nested(100_000)}}`],
  [
    'of a request for tools',
    `{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"cursor":${nested(100_000)}}}`,
  ],
  [
    'of an unknown method',
    `{"jsonrpc":"2.0","id":7,"method":"no/such","params":{"a":${nested(100_000)}}}`,
  ],
  ['just over the limit', getPort(`"projectName":${nested(98)}`)],
])('refuses JSON nested deeper than the stack, %s', async (_where, line) => {
  const client = await started()
  expect(await client.ask(line)).toEqual({
    jsonrpc: '2.0',
    id: 7,
    error: { code: INVALID_REQUEST, message: 'A message may be nested at most 100 deep.' },
  })
  await expectAlive(client)
  expect(client.log.split('\n')).toHaveLength(2)
})

test('refuses nested JSON where the id of the request should stand', async () => {
  const client = await started()
  const line = `{"jsonrpc":"2.0","id":${nested(100_000)},"method":"ping"}`
  expect(await client.ask(line)).toMatchObject({ id: null, error: { code: INVALID_REQUEST } })
  expect(await client.ask(nested(100_000))).toMatchObject({ error: { code: INVALID_REQUEST } })
  await expectAlive(client)
})

test('names the argument of JSON that is nested less deep', async () => {
  const client = await started()
  const { result } = await client.ask(getPort(`"projectName":${nested(90)},"serviceName":"api"`))
  expect(result.content[0].text).toMatch(/^INVALID_ARGUMENT: projectName is \[\[/)
})

test('answers neither a response nor a notification, and nothing to a blank line', async () => {
  const client = await started()
  const before = client.answers.length
  client.send(
    '',
    '  \r',
    { jsonrpc: '2.0', id: 99, result: { text: 'x'.repeat(1e6) } },
    { jsonrpc: '2.0', id: null, error: { code: -32600, message: 'no' } },
    `{"jsonrpc":"2.0","id":5,"result":${nested(100_000)}}`,
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', method: 'notifications/unknown', params: { a: 1 } },
    {
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: 'x'.repeat(1e6), progress: 1 },
    },
    { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 99 } },
  )
  await expectAlive(client)
  expect(client.answers).toHaveLength(before + 1)
  expect(client.log.length).toBeLessThan(10_000)
})

test('reads a last line that has no line break', async () => {
  const client = await started()
  client.child.stdin.end('{"jsonrpc":"2.0","id":7,"method":"ping"}')
  expect((await client.received(2))[1]).toMatchObject({ id: 7, result: {} })
  expect(await once(client.child, 'exit')).toEqual([0, null])
})

test('answers unknown methods, also before it is initialized', async () => {
  const client = rawClient({ PORTS_DATABASE_URL: NO_DATABASE })
  const unknown = { jsonrpc: '2.0', id: 7, method: 'server/discover', params: { a: 1 } }
  expect(await client.ask(unknown)).toMatchObject({ id: 7, error: { code: METHOD_NOT_FOUND } })
  const long = await client.ask({ ...unknown, method: 'x'.repeat(1e6) })
  expect(long).toMatchObject({ id: 7, error: { code: METHOD_NOT_FOUND } })
  expect(JSON.stringify(long).length).toBeLessThan(500)
  expect(await client.ask(INITIALIZE)).toHaveProperty('result.serverInfo.name', 'ports')
})

test.each([
  ['a call without a name', 'tools/call', {}, 'params.name: '],
  ['a name that is no text', 'tools/call', { name: 7 }, 'params.name: '],
  [
    'arguments that are a list',
    'tools/call',
    { name: 'get-port', arguments: [] },
    'params.arguments: ',
  ],
  [
    'an unknown tool',
    'tools/call',
    { name: 'claim\u202e-port' },
    'Unknown tool "claim\\u202e-port"; known',
  ],
  ['a tool with a long name', 'tools/call', { name: 'x'.repeat(1e6) }, 'Unknown tool "xxx'],
  ['no params', 'tools/call', undefined, 'params: '],
  ['an unknown cursor', 'tools/list', { cursor: 'next' }, 'cursor is "next", but must be left out'],
  ['a long cursor', 'tools/list', { cursor: 'x'.repeat(1e6) }, 'cursor is "xxx'],
  ['a cursor that is no text', 'tools/list', { cursor: 7 }, 'params.cursor: '],
  ['an introduction without params', 'initialize', undefined, 'params: '],
])('says of %s that the parameters are at fault', async (_what, method, params, told) => {
  const client = await started()
  const answer = await client.ask({ jsonrpc: '2.0', id: 7, method, params })
  expect(answer).toMatchObject({ id: 7, error: { code: INVALID_PARAMS } })
  expect(answer.error!.message).toContain(told)
  expect(JSON.stringify(answer).length).toBeLessThan(500)
  await expectAlive(client)
})

test('takes null, and an empty cursor, for parameters that are left out', async () => {
  const client = await started()
  const list = { jsonrpc: '2.0', id: 7, method: 'tools/list' }
  for (const params of [{}, { cursor: null, _meta: null }, { cursor: '' }]) {
    expect((await client.ask({ ...list, params })).result.tools).toHaveLength(9)
  }
  const audit = { name: 'audit-ports', arguments: null, _meta: null }
  const { result } = await client.ask({ ...list, method: 'tools/call', params: audit })
  expect(result.content[0].text).toMatch(/^DATABASE_UNAVAILABLE: /)
})

test.each([
  ['a value', { projectName: 'x'.repeat(5e6), serviceName: 'api' }],
  ['a value of another type', { projectName: [{ a: 'x'.repeat(5e6) }], serviceName: 'api' }],
  ['a name of an argument', { projectName: 'consilio', serviceName: 'api', ['x'.repeat(1e6)]: 1 }],
  [
    'an optional value',
    { projectName: 'consilio', serviceName: 'api', description: 'x'.repeat(5e6) },
  ],
])('repeats little of %s that is long', async (_what, args) => {
  const client = await started()
  const { result } = await client.ask(call(7, 'get-port', args))
  expect(result.isError).toBe(true)
  expect(result.content[0].text).toMatch(/^INVALID_ARGUMENT: /)
  expect(JSON.stringify(result).length).toBeLessThan(1000)
})
