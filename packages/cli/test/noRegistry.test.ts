import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cleanEnvironment, portsWith } from '@ports/testkit'
import { projectDirectory, registryHome } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'

/** A machine without a registry. */
function machine() {
  const home = registryHome()
  const env = cleanEnvironment({ PORTS_HOME: home })
  return { home, env, ports: portsWith(env) }
}

test.each([
  'list',
  'list consilio',
  'summary',
  'summary consilio',
  'history',
  'hosts',
  'audit',
  'range list',
  'export caddy',
  'export compose consilio',
  'release consilio api',
  'release consilio --all-services --yes',
  'update consilio api --type http',
])('%s makes no registry, and says where it looked', async (command) => {
  const { home, ports } = machine()
  const { stdout, stderr, status } = await ports(...command.split(' '), '--json')
  expect({ stdout, status }, stderr).toEqual({ stdout: '', status: 5 })
  const { error } = JSON.parse(stderr)
  expect(error.code).toBe('NO_REGISTRY')
  expect(error.details.home).toBe(home)
  const files = [`${process.env.XDG_CONFIG_HOME}/ports/config.json`, '/etc/ports/config.json']
  expect(error.details.settingsFiles).toEqual(files)
  for (const place of [home, ...files, 'PORTS_DATABASE_URL', 'ports get']) {
    expect(error.message).toContain(place)
  }
  expect(existsSync(home)).toBe(false)
})

test('verify, db status, config and completion need no registry, and make none', async () => {
  const { home, ports } = machine()
  expect(await ports('verify', '3100')).toMatchObject({ stdout: 'not listening\n', status: 1 })
  expect(await ports('db', 'status')).toMatchObject({ status: 1 })
  expect(await ports('config', 'list')).toMatchObject({ status: 0 })
  expect(await ports('completion', 'bash')).toMatchObject({ status: 0 })
  expect(await ports('complete', '--', 'get', '')).toMatchObject({ stdout: ':4\n', status: 0 })
  expect(existsSync(home)).toBe(false)
})

test('explain asks only the host, and says so', async () => {
  const { home, ports } = machine()
  const { stdout, stderr, status } = await ports('explain', '3100')
  expect(status).toBe(0)
  expect(stdout).toMatch(/^The holder of 3100 is unknown, because there is no registry; /)
  expect(stderr).toContain(`${home} has none`)
  expect(stderr).toMatch(/Only this host was examined\.\n$/)
  const explained = JSON.parse((await ports('explain', '3100', '--json')).stdout)
  expect(explained.noRegistry).toContain(`${home} has none`)
  expect(existsSync(home)).toBe(false)
})

test('run leaves a new registry as it is if the port that it wants is that of another project', async () => {
  const { ports, env } = machine()
  const services = { web: { port: 3100, command: 'true' } }
  const directory = projectDirectory({ 'ports.json': { project: 'shop', services } })
  const run = await portsWith(env, directory)('run')
  expect(run.status).toBe(125)
  expect(run.stderr).toContain('It belongs to consilio.')
  expect((await ports('range', 'list')).stdout).not.toContain('shop')
})

test('get makes a registry, and what only reads then answers', async () => {
  const { ports } = machine()
  expect(await ports('list')).toMatchObject({ status: 5 })
  expect(await ports('get', 'consilio', 'api')).toMatchObject({ stdout: '3100\n', status: 0 })
  expect(JSON.parse((await ports('list', '--json')).stdout)).toMatchObject([{ port: 3100 }])
  // The server exists but does not run.
  await ports('db', 'stop')
  expect(await ports('release', 'consilio', 'api')).toMatchObject({ status: 0 })
  expect(await ports('list', '--json')).toMatchObject({ stdout: '[]\n', status: 0 })
})

test('import makes a registry, and its dry run does not', async () => {
  const { home, ports } = machine()
  const rows = { 'rows.csv': 'project,service,port\nconsilio,api,3105\n' }
  const file = join(projectDirectory(rows), 'rows.csv')
  const planned = await ports('import', '--dry-run', file)
  expect(planned, planned.stderr).toMatchObject({ stdout: '', status: 5 })
  expect(planned.stderr).toContain(home)
  expect(existsSync(home)).toBe(false)

  const imported = await ports('import', file)
  expect(imported, imported.stderr).toMatchObject({ stdout: '', status: 0 })
  expect((await ports('get', '--existing', 'consilio', 'api')).stdout).toBe('3105\n')
  expect(await ports('import', '--dry-run', file)).toMatchObject({ status: 0 })
})
