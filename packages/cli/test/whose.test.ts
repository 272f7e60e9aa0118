import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { CLI, ended, environmentOn, portsIn } from '@ports/testkit'
import {
  databaseWithOwnNumbers,
  git,
  needs,
  onLinux,
  projectDirectory,
  serveIn,
  startPorts,
  startProgram,
  textUntil,
} from '@ports/testkit/vitest'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { serveApi } from '../../core/test/containers/apiServer.js'
import { SHOP, shop } from './shop.js'

beforeEach(({ skip }) => onLinux(skip))

type Ports = ReturnType<typeof portsIn>

/** What explain, audit and verify --mine say about one process on a number. */
async function judged(ports: Ports, port: number, pid: number) {
  const explained = JSON.parse((await ports('explain', `${port}`, '--json')).stdout)
  const audited = JSON.parse((await ports('audit', '--project', 'shop', '--json')).stdout)
  const process = explained.processes.find((each: { pid: number }) => each.pid === pid)
  return {
    whose: process?.whose,
    strangers: audited.conflicts
      .filter((each: { kind: string }) => each.kind === 'stranger')
      .map((each: { process?: { pid: number } }) => each.process?.pid),
    mine: (await ports('verify', '--mine', 'web')).status === 0,
  }
}

const holders = { whose: 'holder', strangers: [], mine: true }
const strange = (pid: number) => ({ whose: 'stranger', strangers: [pid], mine: false })
const unknown = { whose: 'unattributed', strangers: [], mine: false }

async function gone(pid: number): Promise<void> {
  process.kill(pid)
  await expect.poll(() => spawnSync('kill', ['-0', `${pid}`]).status).not.toBe(0)
}

/** Starts a command with `ports run`, until the test ends. Resolves when something listens. */
async function run(directory: string, url: string, service: string, ...command: string[]) {
  const child = startPorts(directory, url, ['run', service, '--', ...command])
  await textUntil(child.stderr, /Listening on port/)
  return child
}

const LISTEN = "require('net').createServer().listen(process.env.PORT, '127.0.0.1')"

test.each([
  { file: 'is checked out there', isTracked: true },
  { file: 'is not checked out there', isTracked: false },
])(
  'a server in a Git worktree within the checkout is a stranger, if ports.json $file',
  async ({ isTracked }) => {
    const { directory, ports, web } = await shop()
    git(directory, 'init', '-q')
    if (isTracked) git(directory, 'add', 'ports.json')
    git(directory, 'commit', '-q', '--allow-empty', '-m', 'Start')
    const worktree = join(directory, '.worktrees', 'f')
    git(directory, 'worktree', 'add', '-q', worktree)
    const { pid } = await serveIn(worktree, web)
    expect(await judged(ports, web, pid)).toEqual(strange(pid))
    await gone(pid)
    const { pid: own } = await serveIn(join(directory, '.worktrees'), web)
    expect(await judged(ports, web, own)).toEqual(holders)
  },
)

test('a server in a Git worktree is a stranger without a ports.json as well', async () => {
  const directory = projectDirectory({ 'package.json': { name: 'shop' } })
  const ports = portsIn(directory, await databaseWithOwnNumbers('shop'))
  const web = Number((await ports('run', 'web', '--', 'printenv', 'PORT')).stdout)
  git(directory, 'init', '-q')
  git(directory, 'commit', '-q', '--allow-empty', '-m', 'Start')
  const worktree = join(directory, '.worktrees', 'f')
  git(directory, 'worktree', 'add', '-q', worktree)
  const { pid } = await serveIn(worktree, web)
  expect(await judged(ports, web, pid)).toEqual(strange(pid))
})

test.each(['conmon', '/usr/bin/docker-proxy', 'rootlessport', 'slirp4netns', 'pasta'])(
  'a process that forwards to a container that cannot be seen is unattributed: %s',
  async (argv0) => {
    const { directory, ports, web } = await shop()
    const program = `require('net').createServer().listen(${web}, '127.0.0.1', () => console.log('up'))`
    const { pid } = await startProgram(directory, [process.execPath, '-e', program], { argv0 })
    expect(await judged(ports, web, pid)).toEqual(unknown)
  },
)

const published = (name: string, address: string, port: number, directory?: string) => ({
  Id: Buffer.from(name).toString('hex').padEnd(64, '0'),
  Names: [`/${name}`],
  Image: '',
  Labels: directory ? { 'com.docker.compose.project.working_dir': directory } : {},
  Ports: [{ IP: address, PrivatePort: 80, PublicPort: port, Type: 'tcp' }],
})

test('two containers that publish one number on two addresses are told apart', async () => {
  const { url, directory, web } = await shop()
  await serveIn('/tmp', web, '127.0.0.1')
  const { pid } = await serveIn('/tmp', web, '127.0.0.2')
  const socket = await serveApi({
    '/containers/json': [
      published('tr1', '127.0.0.1', web, directory),
      published('tr2', '127.0.0.2', web, '/srv/blog'),
    ],
  })
  const ports = portsIn(directory, url, { DOCKER_HOST: `unix://${socket}` })
  // On a busy machine, the API may not answer in time.
  const poll = (...args: string[]) =>
    expect.poll(async () => (await ports(...args)).stdout, { timeout: 60_000 })
  await poll('explain', 'web').toContain('container')
  const explained = await ports('explain', 'web')
  expect(explained.stdout.split('\n')[0]).toBe(
    `${web} is shop/web's; the container tr1 (of ${directory}) listens: stopping it stops that ` +
      'service. Beside it, the container tr2 (of /srv/blog) also listens there, on 127.0.0.2, and ' +
      'it does not run where shop/web does: stop it only if you started it.',
  )
  expect(explained.stdout).toMatch(/^container +tr1 .+, on 127\.0\.0\.1, .+, the holder's$/m)
  expect(explained.stdout).toMatch(/^container +tr2 .+, on 127\.0\.0\.2, .+, a stranger$/m)
  await poll('verify', '--mine', 'web').toBe(`the container tr2 in /srv/blog listens on ${web}\n`)
  await poll('audit', '--project', 'shop').toMatch(
    new RegExp(`by a stranger .+process ${pid} .+, of the container tr2, in /srv/blog`),
  )
})

test('a container without Compose and without the name of its image is named without brackets', async () => {
  const { url, directory, web } = await shop()
  await serveIn(directory, web)
  const socket = await serveApi({ '/containers/json': [published('tr1', '127.0.0.1', web)] })
  const ports = portsIn(directory, url, { DOCKER_HOST: `unix://${socket}` })
  await expect
    .poll(async () => (await ports('explain', 'web')).stdout, { timeout: 60_000 })
    .toContain('; the container tr1 listens, and ')
})

test('a directory into which a command changes is not the directory of its service', async () => {
  const url = await databaseWithOwnNumbers('shop')
  const directory = projectDirectory({ 'checkout/ports.json': SHOP['ports.json'] })
  const checkout = join(directory, 'checkout')
  const web = Number((await portsIn(checkout, url)('get', 'web')).stdout)
  const child = await run(checkout, url, 'web', 'sh', '-c', `cd .. && exec node -e "${LISTEN}"`)
  const ports = portsIn(checkout, url)
  const { holder, processes } = JSON.parse((await ports('explain', 'web', '--json')).stdout)
  expect({ holder, processes }).toMatchObject({
    holder: { directory: checkout },
    processes: [{ whose: 'holder', directory }],
  })
  expect((await ports('verify', '--mine', 'web')).status).toBe(0)
  const { pid: second } = await serveIn(directory, web, '127.0.0.2')
  expect(await judged(ports, web, second)).toMatchObject(strange(second))
  child.kill()
  await once(child, 'close')
  await gone(second)
  const { pid: later } = await serveIn(directory, web)
  expect(await judged(ports, web, later)).toEqual(strange(later))
})

test('a process that ports run started in another directory is mine as well', async () => {
  const { url, directory, ports, web, explain } = await shop()
  await run(directory, url, 'web', 'sh', '-c', `cd /tmp && node -e "${LISTEN}"`)
  const { processes } = await explain('web')
  expect(await judged(ports, web, processes[0].pid)).toEqual(holders)
})

test('a daemon that left ports run and its directory is unattributed', async () => {
  const { url, directory, ports, web, explain } = await shop()
  const daemon = `process.chdir('/');${LISTEN}`
  const parent = `
    const { spawn } = require('child_process')
    const options = { detached: true, stdio: 'ignore' }
    spawn(process.execPath, ['-e', process.argv[1]], options).unref()`
  await portsIn(directory, url)('run', 'web', '--', 'node', '-e', parent, daemon)
  await expect.poll(async () => (await explain('web')).processes.length).toBe(1)
  const [{ pid }] = (await explain('web')).processes
  onTestFinished(() => {
    process.kill(pid)
  })
  expect(await judged(ports, web, pid)).toEqual(unknown)
})

test("a process whose directory was deleted and made again is not known as the holder's", async () => {
  const { directory, ports, web } = await shop()
  const dist = join(directory, 'dist')
  mkdirSync(dist)
  const { pid } = await serveIn(dist, web)
  expect(await judged(ports, web, pid)).toEqual(holders)
  rmSync(dist, { recursive: true })
  mkdirSync(dist)
  expect(await judged(ports, web, pid)).toEqual(unknown)
  const { stdout } = await ports('explain', 'web')
  expect(stdout).toContain(`node (pid ${pid}, in ${dist} (deleted), since`)
  expect(stdout).toMatch(
    new RegExp(`^process .+, in ${dist} \\(deleted\\), .+, unattributed$`, 'm'),
  )
  expect((await ports('verify', '--mine', 'web')).stdout).toContain(`in ${dist} (deleted) listens`)
})

test('a process outside of the checkout is a stranger after its directory was deleted, too', async () => {
  const { ports, web } = await shop()
  const other = projectDirectory({})
  const { pid } = await serveIn(other, web)
  rmSync(other, { recursive: true })
  expect(await judged(ports, web, pid)).toEqual(strange(pid))
})

test('a directory whose name ends as that of a deleted one is a directory', async () => {
  const { directory, ports, web } = await shop()
  const named = join(directory, 'dist (deleted)')
  mkdirSync(named)
  mkdirSync(join(directory, 'dist'))
  const { pid } = await serveIn(named, web)
  expect(await judged(ports, web, pid)).toEqual(holders)
})

const SHARE = `
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(('127.0.0.1', int(sys.argv[1])))
s.listen()
print('up', flush=True)
sys.stdin.read()
`

async function sharingIn(directory: string, port: number): Promise<number> {
  return (await startProgram(directory, ['python3', '-c', SHARE, `${port}`])).pid
}

test('two checkouts that share one address are told apart, and run --reuse reuses neither', async ({
  skip,
}) => {
  needs(skip, 'python3', '--version')
  const { url, directory, ports } = await shop()
  const other = projectDirectory(SHOP)
  await portsIn(other, url)('get', 'web')
  const own = Number((await portsIn(other, url)('get', 'web')).stdout)
  const holder = await sharingIn(other, own)
  const stranger = await sharingIn(directory, own)
  const there = portsIn(other, url)
  const instance = JSON.parse((await there('explain', 'web', '--json')).stdout).holder.instance
  expect(instance).not.toBe('')
  const { stdout } = await there('explain', 'web')
  expect(stdout).toContain(`python3 (pid ${holder}, in ${other}`)
  expect(stdout).toContain(`python3 (pid ${stranger}, in ${directory}`)
  expect(stdout).toContain("it is shop's (primary)")
  expect(stdout).toMatch(
    new RegExp(`^process +pid ${stranger}, .+, a stranger \\(of shop \\(primary\\)\\)$`, 'm'),
  )
  const audited = await ports('audit', '--project', 'shop')
  expect(audited.stdout).toMatch(
    new RegExp(`also in use by a process of shop \\(primary\\) .+process ${stranger} `),
  )
  expect((await there('verify', '--mine', 'web')).status).toBe(1)
  const reused = await there('run', 'web', '--reuse', '--', 'true')
  expect(reused).toMatchObject({ status: 125, stdout: '' })
  expect(reused.stderr).toContain(`process ${holder} `)
  expect(reused.stderr).toContain(`process ${stranger} `)
})

test('explain names the user of a process that cannot be seen', async ({ skip }) => {
  const isolated = ['--pid', '--fork', '--mount-proc']
  needs(skip, 'unshare', ...isolated, 'true')
  const { url, directory, web } = await shop()
  await serveIn(directory, web)
  const call = [process.execPath, CLI, 'explain', `${web}`]
  const { stdout } = await ended('unshare', [...isolated, ...call], environmentOn(url), '/')
  const uid = process.getuid!()
  expect(stdout).toContain(`; a process of uid ${uid} that cannot be seen from here listens: `)
  expect(stdout).toMatch(/^process +unknown process of \S+: it cannot be seen from here$/m)
})
