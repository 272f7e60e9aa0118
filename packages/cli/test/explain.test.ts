import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CLI, ended, environmentOn, portsIn } from '@ports/testkit'
import {
  databaseWithOwnNumbers,
  needs,
  onLinux,
  projectDirectory,
  serveIn,
  startPorts,
  textUntil,
} from '@ports/testkit/vitest'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { serveApi, serveRaw } from '../../core/test/containers/apiServer.js'
import { SHOP, shop } from './shop.js'

beforeEach(({ skip }) => onLinux(skip))

test('explains a number on which its holder listens, from its directory', async () => {
  const { directory, ports, web, explain } = await shop()
  const { pid } = await serveIn(directory, web)
  const { stdout, status } = await ports('explain', `${web}`)
  expect(status).toBe(0)
  expect(stdout).toMatch(
    new RegExp(
      `^${web} is shop/web's; node \\(pid ${pid}, in ${directory}, since \\S+Z\\) listens: ` +
        'stopping it stops that service.\n',
    ),
  )
  expect(stdout).toMatch(/^holder +shop\/web on localhost\/tcp, since .+, by .+, from /m)
  expect(stdout).toMatch(/^range +shop, /m)
  expect(stdout).toMatch(new RegExp(`^listens +127.0.0.1 port ${web}$`, 'm'))
  expect(stdout).toMatch(new RegExp(`^process +pid ${pid}, .+, the holder's$`, 'm'))
  expect(stdout).toMatch(/^history +\S+ allocated shop\/web by /m)
  expect(await explain('shop/web')).toMatchObject({
    port: web,
    verdict: 'listening',
    holder: { projectName: 'shop', serviceName: 'web', directory },
    processes: [{ pid, directory, whose: 'holder', startedAt: expect.any(String) }],
    hasUnknownProcess: false,
  })
})

test('explains the port of a service of the project here', async () => {
  const { web, explain } = await shop()
  expect(await explain('web')).toMatchObject({ port: web, verdict: 'not-listening' })
  expect((await explain('web')).summary).toContain('nothing listens: start the service')
})

test('tells that a service has no port, and makes none', async () => {
  const { ports } = await shop()
  const { stdout, stderr, status } = await ports('explain', 'shop/api')
  expect({ stdout, status }).toEqual({ stdout: '', status: 1 })
  expect(stderr).toContain('shop/api has no port')
  expect((await ports('list', 'shop', '--json')).stdout.match(/"port"/g)).toHaveLength(1)
})

test('names a stranger, and the project in whose directory it runs', async () => {
  const { url, web, explain } = await shop()
  const { pid: elsewhere } = await serveIn('/tmp', web)
  expect(await explain('web')).toMatchObject({ processes: [{ pid: elsewhere, whose: 'stranger' }] })
  process.kill(elsewhere)
  const blog = projectDirectory({ 'ports.json': { project: 'blog', services: { web: {} } } })
  await portsIn(blog, url)('get', 'web')
  await new Promise((resolve) => setTimeout(resolve, 200))
  await serveIn(blog, web)
  const explained = await explain('web')
  expect(explained.processes).toMatchObject([
    { whose: 'stranger', owner: { projectName: 'blog', instance: '' } },
  ])
  expect(explained.summary).toContain("it is blog's: stop it only if you started it")
})

test('shows the control characters in the name of a directory, and sends none to the terminal', async () => {
  const { web, ports } = await shop()
  const directory = mkdtempSync(join(tmpdir(), 'red\u001b[31m\u202e\n'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  await serveIn(directory, web)
  const explained = (await ports('explain', 'web')).stdout
  expect(explained.split('\n')[0]).toContain('red\\u{1b}[31m\\u{202e}\\u{a}')
  const verified = (await ports('verify', '--mine', 'web')).stdout
  expect(verified).toContain('red\\u{1b}[31m\\u{202e}\\u{a}')
  expect(explained + verified).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u)
})

test('names a stranger on a number that ports allocate gave in the checkout', async () => {
  const { ports, explain } = await shop()
  const port = Number((await ports('allocate', 'shop', 'worker')).stdout)
  await serveIn('/tmp', port)
  expect(await explain(`${port}`)).toMatchObject({ processes: [{ whose: 'stranger' }] })
})

test('knows a process that ports run started, wherever it goes', async () => {
  const { url, directory, web, explain } = await shop()
  const program = `process.chdir('/'); require('net').createServer().listen(process.env.PORT)`
  const run = startPorts(directory, url, ['run', 'web', '--', 'node', '-e', program])
  await textUntil(run.stderr, /Listening on port/)
  expect(await explain(`${web}`)).toMatchObject({
    processes: [
      { directory: '/', whose: 'holder', owner: { projectName: 'shop', serviceName: 'web' } },
    ],
  })
})

test('knows the directory of a checkout that was moved', async () => {
  const { directory, url, web } = await shop()
  const moved = `${directory}-moved`
  renameSync(directory, moved)
  onTestFinished(() => renameSync(moved, directory))
  await portsIn(moved, url)('get', 'web')
  await serveIn(moved, web)
  const { stdout } = await portsIn(moved, url)('explain', 'web', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ processes: [{ whose: 'holder', directory: moved }] })
})

test('shows all processes on one number, and the addresses of each family', async () => {
  const { directory, web, explain } = await shop()
  const { pid: first } = await serveIn(directory, web)
  const { pid: second } = await serveIn(directory, web, '::1')
  const explained = await explain('web')
  expect(explained.processes.map(({ pid }: { pid: number }) => pid).sort()).toEqual(
    [first, second].sort(),
  )
  expect(explained.listeners.map(({ address }: { address: string }) => address).sort()).toEqual([
    '127.0.0.1',
    '::1',
  ])
})

test('says that a process is unknown if it cannot be seen', async ({ skip }) => {
  const isolated = ['--pid', '--fork', '--mount-proc']
  needs(skip, 'unshare', ...isolated, 'true')
  const { url, directory, web } = await shop()
  await serveIn(directory, web)
  const explain = [process.execPath, CLI, 'explain', `${web}`, '--json']
  const { stdout } = await ended('unshare', [...isolated, ...explain], environmentOn(url), '/')
  const explained = JSON.parse(stdout)
  expect(explained).toMatchObject({ verdict: 'listening', processes: [], hasUnknownProcess: true })
  expect(explained.summary).toMatch(/a process of uid \d+ that cannot be seen from here listens/)
})

test('explains numbers that nobody holds', async () => {
  const { ports, web, explain } = await shop()
  const free = web + 5
  expect((await explain(`${free}`)).summary).toBe(
    `${free} is held by nobody and in shop's range; nothing listens: it is available.`,
  )
  await ports('reserve', `${free}`, '--reason', 'a migration')
  expect((await explain(`${free}`)).summary).toContain('is reserved (a migration)')
  await ports('rest', 'shop', '1h')
  await ports('release', 'shop', 'web')
  expect((await explain(`${web}`)).summary).toMatch(
    /rests until \S+Z for shop\/web, which held it last; nothing listens: other services can get it after that\.$/,
  )
  const { pid } = await serveIn('/tmp', web + 6)
  expect((await explain(`${web + 6}`)).summary).toMatch(
    new RegExp(`in shop's range; node \\(pid ${pid}, .+ claim the number for it`),
  )
  expect((await explain('6667')).summary).toContain('browsers and fetch refuse to open it')
})

test('refuses what is neither a number nor a service', async () => {
  const { ports } = await shop()
  for (const typed of ['70000', 'a/b/c', 'shop/', '@x']) {
    const { status, stderr } = await ports('explain', typed)
    expect(status, typed).toBe(2)
    expect(stderr).toContain('error: port is')
  }
})

test('verify --mine says yes only for a server of this checkout', async () => {
  const { url, directory, ports, web } = await shop()
  const mine = (...args: string[]) => ports('verify', '--mine', ...args)
  expect(await mine('web')).toMatchObject({ status: 1, stdout: `nothing listens on ${web}\n` })
  const { pid: stranger } = await serveIn('/tmp', web)
  expect(await mine('web')).toMatchObject({ status: 1 })
  expect((await mine(`${web}`)).stdout).toContain(`process ${stranger} `)
  process.kill(stranger)
  await new Promise((resolve) => setTimeout(resolve, 200))
  await serveIn(join(directory), web)
  expect(await mine('web')).toMatchObject({ status: 0 })
  expect(await mine(`${web}`)).toMatchObject({ status: 0 })
  const other = projectDirectory(SHOP)
  const { stdout, status } = await portsIn(other, url)('verify', '--mine', `${web}`)
  expect({ stdout, status }).toEqual({ stdout: `${web} is shop/web's\n`, status: 1 })
  expect((await ports('verify')).status).toBe(2)
  expect((await ports('verify', '--mine', '--hostname', 'nas')).status).toBe(2)
})

test('audit ends with 1 while there is a conflict, and shows the claim that would record a listener', async () => {
  const { directory, ports, web } = await shop()
  await serveIn(directory, web)
  expect(await ports('audit', '--project', 'shop')).toMatchObject({
    status: 0,
    stdout: '1 allocated: 1 in use, 0 not running, 0 unverified\n',
  })
  const { pid } = await serveIn('/tmp', web + 1)
  const { stdout, stderr, status } = await ports('audit', '--project', 'shop')
  expect(status).toBe(1)
  expect(stdout).toMatch(
    new RegExp(
      `${web + 1}  nobody .+  in use and held by nobody  localhost/tcp  process ${pid} .+, in /tmp`,
    ),
  )
  expect(stderr).toBe(
    `To record what listens on a number that nobody holds: ports claim shop <service> ${web + 1}\n`,
  )
  expect(stdout).toContain('(1 unregistered)')
  expect((await ports('audit', '--project', 'blog')).status).toBe(0)
  expect((await ports('audit', '--idle-days', '0')).status).toBe(2)
})

test('names the container that publishes a port, and compares the directory of its Compose file', async () => {
  const { url, directory, web } = await shop()
  // A process that listens for a runtime runs in another directory, as docker-proxy does.
  const { pid } = await serveIn('/tmp', web)
  const explainOn = async (composeDirectory: string | undefined) => {
    const socket = await serveApi({
      '/containers/json': [
        {
          Id: 'c0ffee'.padEnd(64, '0'),
          Names: ['/shop-web-1'],
          Image: 'nginx:1.27',
          Labels: composeDirectory
            ? { 'com.docker.compose.project.working_dir': composeDirectory }
            : {},
          Ports: [{ IP: '127.0.0.1', PrivatePort: 80, PublicPort: web, Type: 'tcp' }],
        },
      ],
    })
    const ports = portsIn(directory, url, { DOCKER_HOST: `unix://${socket}` })
    const explained = JSON.parse((await ports('explain', 'web', '--json')).stdout)
    const audited = await ports('audit', '--project', 'shop', '--json')
    const mine = (await ports('verify', '--mine', 'web')).status
    return { explained, mine, conflicts: JSON.parse(audited.stdout).conflicts }
  }
  const own = await explainOn(directory)
  expect(own.explained).toMatchObject({
    containers: [{ name: 'shop-web-1', image: 'nginx:1.27', whose: 'holder' }],
    processes: [{ pid, whose: 'holder' }],
  })
  expect(own.explained.summary).toBe(
    `${web} is shop/web's; the container shop-web-1 (nginx:1.27, of ${directory}) listens: ` +
      'stopping it stops that service.',
  )
  expect(own).toMatchObject({ conflicts: [], mine: 0 })
  const other = await explainOn('/srv/blog')
  expect(other).toMatchObject({ explained: { containers: [{ whose: 'stranger' }] }, mine: 1 })
  expect(other.conflicts).toMatchObject([
    { kind: 'stranger', process: { pid, container: 'shop-web-1', directory: '/srv/blog' } },
  ])
  const plain = await explainOn(undefined)
  expect(plain.explained).toMatchObject({ containers: [{ whose: 'unattributed' }] })
  expect(plain.conflicts).toEqual([])
})

test('takes a number with its protocol', async () => {
  const { ports, web } = await shop()
  const explain = async (...args: string[]) =>
    JSON.parse((await ports('explain', ...args, '--json')).stdout)
  expect(await explain(`${web}/udp`)).toMatchObject({ port: web, protocol: 'udp' })
  expect(await explain(`${web}/tcp`)).toMatchObject({ protocol: 'tcp', holder: { port: web } })
  const { stderr, status } = await ports('explain', `${web}/tcp`, '--protocol', 'udp')
  expect({ stderr, status }).toEqual({
    stderr: 'error: --protocol cannot be combined with a port of tcp.\n',
    status: 2,
  })
})

test('questions in a checkout that is not recorded get an answer, and record nothing', async () => {
  const { url, directory, web } = await shop()
  const clone = projectDirectory(SHOP)
  const ports = portsIn(clone, url)
  const questions = [
    ['explain', 'web'],
    ['verify', '--mine', 'web'],
    ['get', 'web', '--existing'],
  ]
  for (const question of questions) {
    const { stdout, stderr, status } = await ports(...question)
    expect({ stdout, status }).toEqual({ stdout: '', status: 1 })
    expect(stderr).toBe(
      `shop/web has no port in ${clone}: no port was asked for in this checkout yet.\n` +
        "Other instances hold some: --instance '(primary)'\n",
    )
    expect(JSON.parse((await ports(...question, '--json')).stdout)).toEqual({
      port: null,
      projectName: 'shop',
      serviceName: 'web',
      instance: null,
      hostname: 'localhost',
      protocol: 'tcp',
      directory: clone,
      otherInstances: [''],
    })
  }
  expect((await ports('verify', '--mine', `${web}`)).stdout).toBe(`${web} is shop/web's\n`)
  const { stdout } = await ports('checkouts', '--json')
  expect(JSON.parse(stdout)).toMatchObject([{ directory }])
})

test('questions in a directory that was not recorded yet mean the primary instance if it has none', async () => {
  const url = await databaseWithOwnNumbers('shop')
  const web = (await portsIn('/', url)('get', 'shop', 'web')).stdout
  const ports = portsIn(projectDirectory(SHOP), url)
  expect(await ports('get', 'web', '--existing')).toMatchObject({ stdout: web, status: 0 })
  expect((await ports('checkouts', '--json')).stdout).toBe('[]\n')
})

test('verify --mine takes a service with its project, as explain does', async () => {
  const { url, directory, ports, web } = await shop()
  await serveIn(directory, web)
  expect(await ports('verify', '--mine', 'shop/web')).toMatchObject({ status: 0 })
  const blog = (await portsIn('/', url)('get', 'blog', 'web')).stdout.trim()
  expect(await ports('verify', '--mine', 'blog/web')).toMatchObject({
    stdout: `${blog} is blog/web's\n`,
    status: 1,
  })
})

test('a number that no browser opens is named with the reason for caution', async () => {
  const { url, directory } = await shop()
  const { stdout } = await portsIn(directory, url, { PORTS_PASS_OVER: '' })('explain', '6000')
  expect(stdout).toMatch(/^caution +browsers and fetch refuse to open it$/m)
})

test('says that a container runtime did not answer', async () => {
  const { url, directory, web } = await shop()
  await serveIn(directory, web)
  const socket = await serveRaw((connection) => connection.destroy())
  const ports = portsIn(directory, url, { DOCKER_HOST: `unix://${socket}` })
  expect((await ports('explain', 'web')).stdout).toMatch(
    new RegExp(`^container +those of ${socket} are unknown: it closed the connection`, 'm'),
  )
  const { unreachable } = JSON.parse((await ports('explain', 'web', '--json')).stdout)
  expect(unreachable).toContainEqual({ socket, reason: expect.any(String) })
})
