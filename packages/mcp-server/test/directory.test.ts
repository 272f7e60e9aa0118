import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { call, INITIALIZE, type StdioClient } from '@ports/testkit'
import { freshDatabase, projectDirectory } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { connect, NO_DATABASE, rawClient } from './connect.js'

/** A directory with a `ports.json` that names the project. */
function copyOf(project: string): string {
  const directory = projectDirectory({})
  writeFileSync(join(directory, 'ports.json'), JSON.stringify({ project }))
  return directory
}

const web = { serviceName: 'web' }
const shop = { ...web, projectName: 'shop' }

async function withShop(roots?: string[]) {
  const connected = await connect(await freshDatabase(), roots ? { roots } : {})
  await connected.ask('create-range', { projectName: 'shop' })
  return connected
}

test('a directory says which copy of which project is meant, and each has ports of its own', async () => {
  const { ask } = await withShop()
  const [first, second] = [copyOf('shop'), copyOf('shop')]
  const inside = join(second, 'packages', 'web')
  mkdirSync(inside, { recursive: true })
  const primary = await ask('get-port', { ...web, directory: first })
  expect(primary).toMatchObject({ projectName: 'shop', port: 3600, directory: first })
  expect(primary).not.toHaveProperty('instance')
  const copy = await ask('get-port', { ...web, directory: inside })
  const instance = copy.instance as string
  expect(copy).toMatchObject({
    port: 3601,
    directory: second,
    message: expect.stringContaining(`shop/web@${instance} has port 3601`),
  })
  expect(copy.message).toContain(`This copy of shop is ${second}.`)
  expect(await ask('get-port', { ...shop, directory: `${second}/` })).toMatchObject({
    port: 3601,
    created: false,
    instance,
  })
  expect(await ask('allocate-port', { ...web, directory: inside })).toMatchObject({
    port: 3602,
    instance,
    directory: second,
  })
  const change = { portNumber: 3602, serviceType: 'http' }
  expect(await ask('update-port', { ...web, directory: second, ...change })).toMatchObject({
    updated: true,
    instance,
  })
  expect(await ask('release-port', { ...web, directory: second, allPorts: true })).toMatchObject({
    instance,
    releasedPorts: [{ port: 3601 }, { port: 3602 }],
  })
  expect(await ask('release-port', { ...web, directory: first })).toMatchObject({
    releasedPorts: [{ port: 3600 }],
  })
})

test('an instance that is named wins over that of the directory', async () => {
  const { ask } = await withShop()
  const [first, second] = [copyOf('shop'), copyOf('shop')]
  await ask('get-port', { ...web, directory: first })
  const named = await ask('get-port', { ...web, directory: second, instance: 'login' })
  expect(named).toMatchObject({ projectName: 'shop', instance: 'login' })
  expect(named).not.toHaveProperty('directory')
})

test.each([
  ['its directory', (first: string) => ({ directory: first })],
  ['its word', () => ({ instance: '(primary)' })],
  [
    'its word in another directory',
    (_: string, second: string) => ({ directory: second, instance: '(primary)' }),
  ],
])('the primary instance is named by %s, whatever else names one', async (_what, nameOf) => {
  const [first, second] = [copyOf('shop'), copyOf('shop')]
  const env = { PORTS_INSTANCE: 'login' }
  const { ask } = await connect(await freshDatabase(), { roots: [second], env })
  await ask('create-range', { projectName: 'shop' })
  await ask('get-port', { ...shop, directory: first })
  const primary = { ...shop, ...nameOf(first, second) }
  const told = await ask('get-port', primary)
  expect(told).toMatchObject({ port: 3600, created: false })
  expect(told).not.toHaveProperty('instance')
  expect(await ask('get-port', shop)).toMatchObject({ port: 3601, directory: second })
  expect(await ask('allocate-port', primary)).toMatchObject({ port: 3602 })
  const change = { description: 'x' }
  expect(await ask('update-port', { ...primary, ...change })).toMatchObject({
    message: expect.stringMatching(/^shop\/web is updated\./),
  })
  expect(await ask('release-port', { ...primary, allPorts: true })).toMatchObject({
    message: expect.stringMatching(/^shop\/web has given up 3600\/tcp, 3602\/tcp\./),
  })
  await ask('get-port', primary)
  expect(await ask('release-port', { ...shop, instance: 'login' })).toMatchObject({
    message: expect.stringMatching(/Other instances do: \(primary\), /),
  })
})

test('get-port gives a service that ports.json lists the ports that it asks for', async () => {
  const { ask } = await withShop()
  const directory = copyOf('shop')
  const services = { callback: { port: 3605 }, dns: { protocols: ['udp'] }, media: { count: 3 } }
  writeFileSync(join(directory, 'ports.json'), JSON.stringify({ project: 'shop', services }))
  const get = (serviceName: string) => ask('get-port', { serviceName, directory })
  expect(await get('callback')).toMatchObject({ port: 3605, created: true })
  expect(await get('dns')).toMatchObject({ port: 3600, protocol: 'udp', created: true })
  expect(await get('media')).toMatchObject({ port: 3600, created: true })
  expect(await get('media')).toMatchObject({ port: 3600, created: false })
  const held = await ask('list-ports', { projectName: 'shop' })
  expect(held.count).toBe(5)
})

test('a directory of another project says nothing of the one that is asked for', async () => {
  const { ask } = await withShop()
  await ask('get-port', { ...web, directory: copyOf('shop') })
  for (const directory of [copyOf('blog'), projectDirectory({})]) {
    const told = await ask('get-port', { ...shop, directory })
    expect(told).toMatchObject({ port: 3600 })
    expect(told.message).toContain(
      ` No ports.json in ${directory} or above names shop, so its primary instance is meant.`,
    )
  }
})

test('a project that only a directory names gets its range, and then its port', async () => {
  const { ask, failure } = await connect(await freshDatabase())
  const directory = copyOf('blog')
  expect(await failure('get-port', { ...web, directory })).toContain(
    'If blog is new, call create-range for it, then get-port again.',
  )
  expect(await ask('create-range', { directory })).toMatchObject({
    projectName: 'blog',
    created: true,
  })
  expect(await ask('get-port', { ...web, directory })).toMatchObject({ projectName: 'blog' })
})

test.each(['get-port', 'allocate-port', 'release-port', 'update-port', 'create-range'])(
  '%s refuses a directory that is none, and names it',
  async (tool) => {
    const { failure } = await connect(NO_DATABASE)
    const file = join(copyOf('shop'), 'ports.json')
    const service = tool === 'create-range' ? {} : shop
    const change = tool === 'update-port' ? { description: 'x' } : {}
    for (const directory of ['.', 'src/web', '../web', 'file:///srv', '/a\0b', '/nowhere', file]) {
      const text = await failure(tool, { ...service, ...change, directory })
      expect(text).toMatch(/^INVALID_ARGUMENT: directory is ".+", but must be the absolute path /)
      expect(text).toContain(`call ${tool} again`)
    }
  },
)

test.each(['get-port', 'allocate-port', 'release-port', 'update-port', 'create-range'])(
  '%s asks for a project that nothing names',
  async (tool) => {
    const { failure } = await connect(NO_DATABASE)
    const service = tool === 'create-range' ? {} : web
    expect(await failure(tool, service)).toMatch(
      /^INVALID_ARGUMENT: projectName is undefined, but must be given, or a directory /,
    )
    const directory = projectDirectory({})
    writeFileSync(join(directory, 'package.json'), '{"name":"@acme/blog"}')
    expect(await failure(tool, { ...service, directory })).toMatch(
      /^INVALID_ARGUMENT: projectName is undefined, but must be given, because no .*, such as acme-blog\.\n/,
    )
  },
)

test('a ports.json that is malformed is named', async () => {
  const { failure } = await connect(NO_DATABASE)
  const directory = copyOf('shop')
  writeFileSync(join(directory, 'ports.json'), '{"project":"shop","port":3000}')
  expect(await failure('get-port', { ...shop, directory })).toContain(
    `INVALID_ARGUMENT: ${directory}/ports.json: field is "port", but must be `,
  )
})

test('without a directory the single root of the client counts, as long as it has that one', async () => {
  const [first, second] = [copyOf('shop'), copyOf('shop')]
  const { ask, failure, moveTo } = await withShop([first])
  expect(await ask('get-port', web)).toMatchObject({ port: 3600, directory: first })
  await moveTo(second)
  const copy = await ask('get-port', shop)
  expect(copy).toMatchObject({ port: 3601, directory: second })
  expect(await ask('get-port', { ...web, directory: first })).toMatchObject({ port: 3600 })
  expect(await ask('release-port', web)).toMatchObject({ releasedPorts: [{ port: 3601 }] })
  await moveTo(first, second)
  expect(await failure('get-port', web)).toMatch(/^INVALID_ARGUMENT: projectName is undefined/)
  expect(await ask('get-port', shop)).not.toHaveProperty('directory')
  await moveTo('https://example.com/shop', second)
  expect(await ask('get-port', web)).toMatchObject({ directory: second })
})

test.each([
  ['is no URI', 'shop'],
  ['is of another host', 'file://build-1/srv/shop'],
  ['is encoded wrongly', 'file:///srv/%zz'],
  ['has another scheme', 'vscode-remote://ssh/srv/shop'],
  ['does not exist here', '/nowhere/shop'],
])('a root that %s is ignored', async (_what, root) => {
  const { ask } = await withShop([root])
  const told = await ask('get-port', shop)
  expect(told).toMatchObject({ port: 3600 })
  expect(told.message).not.toContain('ports.json')
})

test('a root that is gone is ignored', async () => {
  const directory = copyOf('shop')
  const { ask } = await withShop([directory])
  expect(await ask('get-port', shop)).toMatchObject({ directory })
  rmSync(directory, { recursive: true })
  expect(await ask('get-port', shop)).not.toHaveProperty('directory')
})

test('a client with several roots is told which of them are copies of the project', async () => {
  const [first, second] = [copyOf('shop'), copyOf('shop')]
  const other = copyOf('blog')
  const { ask, failure } = await withShop([other, first, second])
  const told = await ask('get-port', shop)
  expect(told).toMatchObject({ projectName: 'shop', port: 3600 })
  expect(told.message).toContain(
    ` Your client works in several directories, and a ports.json names shop in ${first} and ` +
      `${second}. If that copy is meant, call again with its directory.`,
  )
  const named = { ...shop, instance: '(primary)' }
  expect((await ask('get-port', named)).message).not.toContain('several directories')
  expect(await ask('get-port', { ...shop, directory: first })).toMatchObject({ directory: first })
  expect(await failure('release-port', shop)).toContain('because the client works in several')
  expect(await ask('release-port', named)).toMatchObject({ releasedPorts: [{ port: 3600 }] })
  expect(await failure('get-port', web)).toContain(
    `because the client works in several: ${other}, ${first}, ${second}`,
  )
  expect((await ask('get-port', { ...web, projectName: 'odin' })).message).not.toContain('several')
})

/** A client that declares roots and does not answer requests of the server by itself. */
async function clientWith(url: string, capabilities: object) {
  const client = rawClient({ PORTS_DATABASE_URL: url })
  await client.ask({ ...INITIALIZE, params: { ...INITIALIZE.params, capabilities } })
  return client
}

const asked = (client: StdioClient) =>
  client.answers.filter((each) => 'method' in each && each.method === 'roots/list')

test('a client that declares no roots is asked for none', async () => {
  const client = await clientWith(await freshDatabase(), {})
  const { result } = await client.ask(call(1, 'get-port', { projectName: 'odin', ...web }))
  expect(result.structuredContent.port).toBe(3300)
  expect(client.answers).toHaveLength(2)
})

test('a client is asked for its roots when a call first needs them, and once', async () => {
  const directory = copyOf('odin')
  const client = await clientWith(await freshDatabase(), { roots: {} })
  await client.ask(call(1, 'list-ports'))
  expect(asked(client)).toEqual([])
  const question = await client.ask(call(2, 'get-port', web))
  expect(question).toMatchObject({ method: 'roots/list' })
  const roots = [{ uri: `file://${directory}`, name: null }]
  const { result } = await client.ask({ jsonrpc: '2.0', id: question.id, result: { roots } })
  expect(result.structuredContent).toMatchObject({ projectName: 'odin', directory })
  await client.ask(call(3, 'get-port', web))
  expect(asked(client)).toHaveLength(1)
  expect(client.log).toBe('')
})

test('calls get their answers from a client that has sent hundreds before it tells its roots', async () => {
  const directory = copyOf('odin')
  const client = await clientWith(await freshDatabase(), { roots: {} })
  client.send(...Array.from({ length: 1000 }, (_, id) => call(id, 'get-port', web)))
  await expect.poll(() => asked(client)).toHaveLength(1)
  const [question] = asked(client)
  const roots = [{ uri: `file://${directory}` }]
  client.send({ jsonrpc: '2.0', id: question!.id, result: { roots } })
  const answers = (await client.received(1002)).filter(({ result }) => result?.structuredContent)
  expect(new Set(answers.map(({ result }) => result.structuredContent.directory))).toEqual(
    new Set([directory]),
  )
  expect(answers).toHaveLength(1000)
})

test.each([
  ['refuses to tell its roots', { error: { code: -32601, message: 'Method not found' } }],
  ['tells none', { result: { roots: [] } }],
  ['tells something else', { result: { roots: 'shop' } }],
])('a client that %s gets its port without', async (_what, answer) => {
  const client = await clientWith(await freshDatabase(), { roots: {} })
  const question = await client.ask(call(1, 'get-port', { ...web, projectName: 'odin' }))
  const { result } = await client.ask({ jsonrpc: '2.0', id: question.id, ...answer })
  expect(result.structuredContent).toMatchObject({ port: 3300 })
})

const UNTOLD = expect.stringContaining(
  ' Your client did not tell in time in which directory it works. If a ports.json there names odin, ' +
    'call again with that directory.',
)

test('a client that is silent about its roots gets its port without, is told so, and is not asked again', async () => {
  const client = await clientWith(await freshDatabase(), { roots: {} })
  client.send(call(1, 'get-port', { ...web, projectName: 'odin' }))
  // The question, that it is withdrawn, and the answer.
  const [, , cancelled, told] = await client.received(4)
  expect(cancelled).toMatchObject({ method: 'notifications/cancelled' })
  expect(told!.result.structuredContent).toMatchObject({ port: 3300, message: UNTOLD })
  const again = await client.ask(call(2, 'get-port', { ...web, projectName: 'odin' }))
  expect(again.result.structuredContent).toMatchObject({ port: 3300, message: UNTOLD })
  const late = { jsonrpc: '2.0', id: asked(client)[0]!.id, result: { roots: [] } }
  expect(
    await client.ask(`${JSON.stringify(late)}\n${JSON.stringify(call(3, 'list-ports'))}`),
  ).toMatchObject({ id: 3 })
  expect(client.log).toBe('ports-mcp: A response to no request was ignored.\n')
})

test('what a client that is silent about its roots means to change, it must say', async () => {
  const client = await clientWith(await freshDatabase(), { roots: {} })
  const odin = { ...web, projectName: 'odin' }
  client.send(call(1, 'get-port', { ...odin, instance: '(primary)' }))
  const [, held] = await client.received(2)
  expect(asked(client)).toEqual([])
  expect(held!.result.structuredContent.message).not.toEqual(UNTOLD)
  const changes = [
    ['release-port', {}],
    ['update-port', { description: 'x' }],
  ] as const
  client.send(...changes.map(([tool, change]) => call(tool, tool, { ...odin, ...change })))
  // The question, that it is withdrawn, and the answers.
  const answers = await client.received(6)
  for (const [tool] of changes) {
    const { result } = answers.find(({ id }) => id === tool)!
    expect(result.content[0].text).toMatch(
      /^INVALID_ARGUMENT: directory is undefined, but must be given, or an instance, such as \(primary\), because /,
    )
  }
  for (const which of [{ instance: '(primary)' }, { directory: projectDirectory({}) }]) {
    const { result } = await client.ask(
      call('one', 'update-port', { ...odin, ...which, description: 'x' }),
    )
    expect(result.structuredContent).toMatchObject({ updated: true })
  }
})

test.each(['release-port', 'update-port'])(
  '%s says that a directory does not tell which copy is meant',
  async (tool) => {
    const { ask } = await withShop()
    await ask('get-port', shop)
    const directory = projectDirectory({})
    const change = tool === 'update-port' ? { description: 'x' } : {}
    const { message } = await ask(tool, { ...shop, ...change, directory })
    expect(message).toContain(
      ` No ports.json in ${directory} or above names shop, so its primary instance is meant.`,
    )
  },
)
