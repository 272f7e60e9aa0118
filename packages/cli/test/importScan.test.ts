import { rmSync } from 'node:fs'
import { type FaultyProxy, portsIn } from '@ports/testkit'
import {
  emptyDatabase,
  faultyProxy,
  projectDirectory,
  startProgram,
  writeFiles,
} from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'

const LISTEN = `require('node:net').createServer().listen(0, '127.0.0.1', function () {
  console.log(this.address().port)
})`

/** A server in that directory that listens until the test ends. */
async function serverIn(directory: string, ...args: string[]): Promise<number> {
  return Number((await startProgram(directory, [process.execPath, ...args])).said)
}

/** The output of a scan for these ports. Other listeners of the machine are ignored. */
async function scanned(url: string, ...numbers: number[]) {
  const { stdout, stderr } = await portsIn(
    projectDirectory({}),
    url,
  )(...['import', '--scan', '--dry-run', '--json'])
  expect(stdout, stderr).not.toBe('')
  const report = JSON.parse(stdout)
  const rows = report.rows as { port: number; projectName: string; serviceName: string }[]
  const notes = report.notes as { place: string; reason: string }[]
  return numbers.map((number) => {
    const row = rows.find(({ port }) => port === number)
    const note = notes.find(({ place }) => place === `port ${number}`)
    return row ? `${row.projectName}/${row.serviceName}` : note?.reason
  })
}

describe.runIf(process.platform === 'linux')('import --scan', () => {
  test('names services after ports.json, the package, or the program', async () => {
    const shop = projectDirectory({
      'ports.json': {
        project: 'shop',
        services: { web: { command: 'web.js' }, api: {} },
      },
      'web.js': LISTEN,
      'other.js': LISTEN,
    })
    const blog = projectDirectory({
      'ports.json': { project: 'blog', services: { site: {} } },
      'server.js': LISTEN,
    })
    const garden = projectDirectory({
      'package.json': { name: 'garden' },
      '.git/HEAD': 'ref: refs/heads/main\n',
      'packages/api/package.json': { name: '@garden/api' },
      'packages/api/index.js': LISTEN,
      'start.js': LISTEN,
    })
    const numbers = [
      await serverIn(shop, 'web.js'),
      await serverIn(shop, 'other.js'),
      await serverIn(blog, 'server.js'),
      await serverIn(`${garden}/packages/api`, 'index.js'),
      await serverIn(garden, 'start.js'),
      await serverIn(garden, '-e', LISTEN),
    ]
    expect(await scanned(await emptyDatabase(), ...numbers)).toEqual([
      'shop/web',
      'shop/other',
      'blog/site',
      'garden/garden-api',
      'garden/start',
      'garden/node',
    ])
  })

  test('says why it proposes nothing', async () => {
    const nowhere = projectDirectory({ 'server.js': LISTEN })
    const main = projectDirectory({ '.git/HEAD': 'ref: refs/heads/main\n' })
    const linked = projectDirectory({
      '.git': `gitdir: ${main}/.git/worktrees/login\n`,
      'ports.json': { project: 'shop' },
      'server.js': LISTEN,
    })
    writeFiles(main, { '.git/worktrees/login/commondir': '../..\n' })
    const malformed = projectDirectory({ 'ports.json': '{', 'server.js': LISTEN })
    const gone = projectDirectory({ 'server.js': LISTEN })
    const odd = projectDirectory({ 'package.json/x': '', '.git/config/x': '', 'server.js': LISTEN })
    const numbers = []
    for (const directory of [nowhere, linked, malformed, gone, odd]) {
      numbers.push(await serverIn(directory, 'server.js'))
    }
    rmSync(gone, { recursive: true })
    const reasons = await scanned(await emptyDatabase(), ...numbers)
    const who = /^process \d+ \(\S+ server\.js\) /
    expect(reasons.map((reason) => reason?.replace(who, ''))).toEqual([
      `is in ${nowhere}, which belongs to no project`,
      `is in ${linked}, a linked worktree: ports run gives it a port of its own there`,
      expect.stringContaining(`is in ${malformed}: file is`),
      `is in ${gone}, which is gone`,
      `is in ${odd}, which belongs to no project`,
    ])
  })

  test('proposes no number that is held', async () => {
    const directory = projectDirectory({ 'package.json': { name: 'shop' }, 'server.js': LISTEN })
    const number = await serverIn(directory, 'server.js')
    const url = await emptyDatabase()
    const ports = portsIn(directory, url)
    await ports('range', 'create', 'blog', '--start', `${number}`, '--end', `${number}`)
    await ports('claim', 'blog', 'site', `${number}`)
    const reason = 'blog/site already holds it'
    expect(await scanned(url, number)).toEqual([reason])
  })

  test('proposes no port of the registry’s own database', async () => {
    const url = await emptyDatabase()
    const portOf = (proxy: FaultyProxy) => Number(new URL(proxy.url).port)
    const [database, other] = [await faultyProxy(url), await faultyProxy(url)]
    const [ofDatabase, ofOther] = await scanned(database.url, portOf(database), portOf(other))
    expect(ofDatabase).toBeUndefined()
    expect(ofOther).toBeDefined()
  })

  test('refuses --project, because each process has its own', async () => {
    const ports = portsIn(projectDirectory({}), await emptyDatabase())
    const refused = await ports('import', '--scan', '--project', 'shop')
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain(
      "option '--scan' cannot be used with option '--project <name>'",
    )
  })
})
