import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { call, INITIALIZE } from '@ports/testkit'
import { freshDatabase, projectDirectory, registryHome } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { rawClient } from './connect.js'

const service = { projectName: 'consilio', serviceName: 'api' }

test.each([
  ['list-ports', {}],
  ['port-summary', { projectName: 'consilio' }],
  ['audit-ports', {}],
  ['release-port', service],
  ['update-port', { ...service, serviceType: 'http' }],
])('%s makes no registry, and says which tool does', async (tool, args) => {
  const home = registryHome()
  const client = rawClient({ PORTS_HOME: home })
  await client.ask(INITIALIZE)
  const { result } = await client.ask(call(1, tool, args))
  expect(result.isError).toBe(true)
  const [{ text }] = result.content
  expect(text).toMatch(/^NO_REGISTRY: /)
  for (const part of [home, '/etc/ports/config.json', 'PORTS_DATABASE_URL', 'get-port']) {
    expect(text).toContain(part)
  }
  expect(existsSync(home)).toBe(false)
})

test('release-port makes no registry for a directory either', async () => {
  const home = registryHome()
  const directory = projectDirectory({})
  writeFileSync(join(directory, 'ports.json'), '{"project":"consilio"}')
  const client = rawClient({ PORTS_HOME: home })
  await client.ask(INITIALIZE)
  const { result } = await client.ask(call(1, 'release-port', { serviceName: 'api', directory }))
  expect(result.content[0].text).toMatch(/^NO_REGISTRY: /)
  expect(existsSync(home)).toBe(false)
})

test('get-port makes a registry while another call finds none', async () => {
  const client = rawClient({ PORTS_HOME: registryHome() })
  await client.ask(INITIALIZE)
  client.send(call(1, 'list-ports'), call(2, 'get-port', service))
  const answers = (await client.received(3)).slice(1)
  const answer = (id: number) => answers.find((each) => each.id === id)!.result
  expect(answer(1).content[0].text).toMatch(/^NO_REGISTRY: /)
  expect(answer(2).structuredContent.port).toBe(3100)
  const { result } = await client.ask(call(3, 'list-ports'))
  expect(result.structuredContent.count).toBe(1)
})

test('the settings file is read where a client hands no environment down', async () => {
  const directory = projectDirectory({})
  mkdirSync(join(directory, 'ports'))
  const settings = { databaseUrl: await freshDatabase(), hostname: 'nas' }
  writeFileSync(join(directory, 'ports', 'config.json'), JSON.stringify(settings))
  const client = rawClient({ XDG_CONFIG_HOME: directory })
  await client.ask(INITIALIZE)
  const { result } = await client.ask(call(1, 'get-port', service))
  expect(result.structuredContent).toMatchObject({ port: 3100, hostname: 'nas' })
})

test('a settings file that is wrong ends the server, and its log names the file', async () => {
  const directory = projectDirectory({})
  mkdirSync(join(directory, 'ports'))
  const file = join(directory, 'ports', 'config.json')
  writeFileSync(file, '{"hostname":')
  const client = rawClient({ XDG_CONFIG_HOME: directory })
  const status = await new Promise((resolve) => client.child.once('close', resolve))
  expect(status).toBe(2)
  expect(client.log).toContain(`${file} is not JSON`)
})
