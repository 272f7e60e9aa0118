import { once } from 'node:events'
import { connect } from 'node:net'
import { CLI, ended, environmentOn, portsIn } from '@ports/testkit'
import { needs, onLinux, serveIn, startPorts, startProgram, textUntil } from '@ports/testkit/vitest'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { serveApi } from '../../core/test/containers/apiServer.js'
import { shop } from './shop.js'

beforeEach(({ skip }) => onLinux(skip))

/** Runs a program with `ports run` until the test ends. Resolves when something listens. */
async function run(directory: string, url: string, service: string, command: readonly string[]) {
  const child = startPorts(directory, url, ['run', service, '--', ...command])
  await textUntil(child.stderr, /listen/i)
}

/** The conflicts of an audit, except services that are down. */
async function strangersOf(ports: Awaited<ReturnType<typeof shop>>['ports']) {
  const { stdout } = await ports('audit', '--project', 'shop', '--json')
  const { conflicts } = JSON.parse(stdout)
  return conflicts.filter(({ kind }: { kind: string }) => kind === 'stranger')
}

test.each([
  ['127.0.0.1', '127.0.0.2'],
  ['127.0.0.2', '127.0.0.1'],
  ['127.0.0.1', '::1'],
  ['::1', '127.0.0.1'],
])('a stranger is found beside the holder on %s: on %s', async (own, other) => {
  const { directory, ports, web, explain } = await shop()
  const { pid: holder } = await serveIn(directory, web, own)
  const { pid: stranger } = await serveIn('/tmp', web, other)
  expect(await strangersOf(ports)).toMatchObject([
    {
      port: web,
      actual: 'also in use by a stranger',
      process: { pid: stranger, whose: 'stranger', addresses: [other] },
    },
  ])
  expect((await ports('audit')).stdout).toMatch(
    new RegExp(
      `also in use by a stranger +localhost/tcp +process ${stranger} .+, on ${other}, in /tmp`,
    ),
  )
  const explained = await explain('web')
  expect(explained.processes).toHaveLength(2)
  expect(explained).toMatchObject({
    processes: expect.arrayContaining([
      expect.objectContaining({ pid: holder, whose: 'holder', addresses: [own] }),
      expect.objectContaining({ pid: stranger, whose: 'stranger', addresses: [other] }),
    ]),
    listeners: expect.arrayContaining([
      expect.objectContaining({ address: own, whose: 'holder' }),
      expect.objectContaining({ address: other, whose: 'stranger' }),
    ]),
  })
  expect(explained.summary).toMatch(
    new RegExp(
      `^${web} is shop/web's; node \\(pid ${holder}, .+\\) listens: stopping it stops that ` +
        `service\\. Beside it, node \\(pid ${stranger}, in /tmp, .+\\) also listens there, on ` +
        `${other}, and it does not run where shop/web does: stop it only if you started it\\.$`,
    ),
  )
  expect((await ports('explain', 'web')).stdout).toMatch(
    new RegExp(`^process +pid ${stranger}, .+, on ${other}, .+, a stranger$`, 'm'),
  )
  expect((await ports('verify', '--mine', 'web')).status).toBe(1)
})

test('servers of the holder on several addresses are no strangers to each other', async () => {
  const { directory, ports, web, explain } = await shop()
  for (const host of ['127.0.0.1', '127.0.0.2', '::1']) await serveIn(directory, web, host)
  expect(await strangersOf(ports)).toEqual([])
  expect((await explain('web')).summary).toMatch(/listens: stopping it stops that service\.$/)
  expect((await ports('verify', '--mine', 'web')).status).toBe(0)
})

test('a worker that shares the socket of the holder is no stranger, wherever it runs', async () => {
  const { directory, ports, web, explain } = await shop()
  const program = `
    const server = require('net').createServer().listen({ port: ${web}, host: '127.0.0.1' }, () => {
      const stdio = ['inherit', 'inherit', 'inherit', server._handle.fd]
      const worker = ['-e', "process.stdin.on('end', process.exit).resume(); console.log('up')"]
      require('child_process').spawn(process.execPath, worker, { cwd: '/tmp', stdio })
    })`
  await startProgram(directory, [process.execPath, '-e', program])
  const explained = await explain('web')
  expect(explained.processes.map(({ whose }: { whose: string }) => whose).sort()).toEqual([
    'holder',
    'stranger',
  ])
  expect(explained.listeners).toMatchObject([{ address: '127.0.0.1', whose: 'holder' }])
  expect(explained.summary).toMatch(/listens: stopping it stops that service\.$/)
  expect(await strangersOf(ports)).toEqual([])
})

test('a process that cannot be seen is mentioned beside one that can', async ({ skip }) => {
  const isolated = ['--pid', '--fork', '--mount-proc', '--kill-child']
  needs(skip, 'unshare', ...isolated, 'true')
  const { url, directory, web } = await shop()
  await serveIn('/tmp', web, '127.0.0.2')
  const explain = [CLI, 'explain', `${web}`, '--json']
  // In that namespace, only this server can be seen.
  const program = `
    require('net').createServer().listen({ port: ${web}, host: '127.0.0.1' }, () => {
      require('child_process')
        .spawn(process.execPath, ${JSON.stringify(explain)}, { stdio: 'inherit' })
        .on('exit', process.exit)
    })`
  const args = [...isolated, process.execPath, '-e', program]
  const { stdout } = await ended('unshare', args, environmentOn(url), directory)
  const explained = JSON.parse(stdout)
  expect(explained).toMatchObject({ processes: [{ whose: 'holder' }], hasUnknownProcess: true })
  expect(explained.summary).toMatch(
    /listens: stopping it stops that service\. A process of uid \d+ that cannot be seen from here also listens there, on 127\.0\.0\.2: find out as its user or as root what it is\.$/,
  )
})

test('a second process on a number that nobody holds is named', async () => {
  const { web, explain } = await shop()
  const free = web + 5
  const servers = [await serveIn('/tmp', free), await serveIn('/tmp', free, '127.0.0.2')]
  const pids = servers.map(({ pid }) => pid)
  const { summary } = await explain(`${free}`)
  expect(summary).toContain('Beside it, node (pid ')
  expect(summary).toContain('also listens there, on ')
  for (const pid of pids) expect(summary).toContain(`node (pid ${pid}, `)
})

test('a connection on a number that nobody holds is told, and that a server may not get it', async () => {
  const { web, directory, explain } = await shop()
  const free = web + 5
  await serveIn(directory, web)
  const socket = connect({ host: '127.0.0.1', port: web, localPort: free })
  onTestFinished(() => {
    socket.destroy()
  })
  await once(socket, 'connect')
  const explained = await explain(`${free}`)
  expect(explained).toMatchObject({ verdict: 'not-listening', heldBy: 'connection' })
  expect(explained.summary).toBe(
    `${free} is held by nobody and in shop's range; nothing listens, but a connection of this host ` +
      'has the number: until it ends, a server may be refused with EADDRINUSE. Take another number.',
  )
})

test('a process of another service of the same checkout is a stranger, and its service is named', async () => {
  const { url, directory, ports, web, explain } = await shop()
  const program = `require('net').createServer().listen(${web}, '127.0.0.1')`
  await run(directory, url, 'api', ['node', '-e', program])
  const owner = { projectName: 'shop', serviceName: 'api', instance: '' }
  const explained = await explain('web')
  expect(explained.processes).toMatchObject([{ directory, whose: 'stranger', owner }])
  expect(explained.summary).toContain("listens, and it is shop/api's process: stop it only if ")
  expect(await strangersOf(ports)).toMatchObject([
    { port: web, actual: 'in use by a process of shop/api', process: { whose: 'stranger', owner } },
  ])
  expect(await ports('verify', '--mine', 'web')).toMatchObject({
    status: 1,
    stdout: expect.stringMatching(/^process \d+ .+ of shop\/api listens on /),
  })
  const again = await ports('run', 'web', '--reuse', '--', 'node', '-e', program)
  expect(again.status).toBe(125)
  expect(again.stderr).toContain('shop/api')
})

test("a process that a service's command started is that service's", async () => {
  const { url, directory, ports, explain } = await shop()
  const program = `require('net').createServer().listen(process.env.PORT, '127.0.0.1')`
  await run(directory, url, 'api', ['sh', '-c', `cd /tmp && node -e "${program}" & wait`])
  expect((await explain('api')).processes).toMatchObject([
    { directory: '/tmp', whose: 'holder', owner: { serviceName: 'api' } },
  ])
  expect(await strangersOf(ports)).toEqual([])
})

test('a stranger beside a container is not taken for it', async () => {
  const { url, directory, web } = await shop()
  // A process that listens for a runtime runs in another directory, as docker-proxy does.
  const { pid: proxy } = await serveIn('/', web)
  const { pid: stranger } = await serveIn('/tmp', web, '127.0.0.2')
  const socket = await serveApi({
    '/containers/json': [
      {
        Id: 'c0ffee'.padEnd(64, '0'),
        Names: ['/shop-web-1'],
        Image: 'nginx:1.27',
        Labels: { 'com.docker.compose.project.working_dir': directory },
        Ports: [{ IP: '127.0.0.1', PrivatePort: 80, PublicPort: web, Type: 'tcp' }],
      },
    ],
  })
  const ports = portsIn(directory, url, { DOCKER_HOST: `unix://${socket}` })
  const explained = JSON.parse((await ports('explain', 'web', '--json')).stdout)
  expect(explained).toMatchObject({
    containers: [{ name: 'shop-web-1', whose: 'holder', addresses: ['127.0.0.1'] }],
    processes: expect.arrayContaining([
      expect.objectContaining({ pid: proxy, whose: 'holder' }),
      expect.objectContaining({ pid: stranger, whose: 'stranger' }),
    ]),
  })
  expect(explained.summary).toContain('the container shop-web-1 (nginx:1.27, of ')
  expect(explained.summary).toContain(`Beside it, node (pid ${stranger}, in /tmp, `)
  expect(await strangersOf(ports)).toMatchObject([{ process: { pid: stranger } }])
  expect((await ports('verify', '--mine', 'web')).status).toBe(1)
})
