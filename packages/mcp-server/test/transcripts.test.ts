import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  faultyProxy,
  freshDatabase,
  git,
  onLinux,
  projectDirectory,
  type Served,
  serveIn,
} from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { passTime } from '../../db/test/passTime.js'
import { connect } from './connect.js'
import { openManager } from './openManager.js'

// Each test does what an agent would do that knows only the answers. An answer must say what to do
// next.

/** An agent, to whom numbers in use are passed over as for every user. */
function agent(url: string, roots?: string[]) {
  return connect(url, { env: { PORTS_PASS_OVER: '' }, ...(roots && { roots }) })
}

/** Gives a project a range of numbers on which nothing listens. Returns the first one. */
async function rangeOf(url: string, projectName: string, size: number): Promise<number> {
  const manager = await openManager(url)
  for (let start = 20_000; start < 32_000; start += size) {
    const uses = await Promise.all(
      Array.from({ length: size }, (_, nth) => manager.useOfPort(start + nth)),
    )
    if (uses.some((use) => use?.isInUse)) continue
    await manager.createRange({ projectName, startPort: start, endPort: start + size - 1 })
    return start
  }
  throw new Error('Something listens in every range.')
}

/** Fails if the process was ended. */
const expectRunning = ({ pid }: Served) => process.kill(pid, 0)

/** Expects every number on which something was started to be held. */
async function expectHeld(url: string, ...served: Served[]): Promise<void> {
  const held = await (await openManager(url)).listAll()
  const numbers = held.map(({ portNumber }) => portNumber)
  for (const { port } of served) expect(numbers).toContain(port)
}

test('an agent gets a range and a port for a new project', async ({ skip }) => {
  onLinux(skip)
  const url = await freshDatabase()
  const home = projectDirectory({})
  const { ask, failure } = await agent(url)
  const service = { projectName: 'blog', serviceName: 'web' }
  expect(await failure('get-port', service)).toContain('If blog is new, call create-range for it')
  await ask('create-range', { projectName: 'blog' })
  const { port, created, listening, message } = await ask('get-port', service)
  expect({ created, listening }).toEqual({ created: true, listening: false })
  expect(message).toContain('Nothing listens there now.')
  const server = await serveIn(home, port as number)
  const after = await ask('get-port', service)
  expect(after).toMatchObject({ port, created: false, listeners: [{ pid: server.pid }] })
  expect(after.message).toContain('If that is blog/web, use it.')
  await expectHeld(url, server)
})

test('an agent gets another port if a stranger listens on its port', async ({ skip }) => {
  onLinux(skip)
  const url = await freshDatabase()
  const first = await rangeOf(url, 'blog', 10)
  const { ask } = await agent(url)
  const service = { projectName: 'blog', serviceName: 'web' }
  expect(await ask('get-port', service)).toMatchObject({ port: first })
  const stranger = await serveIn(projectDirectory({}), first)
  // What a server that is started there meets.
  await expect(serveIn(projectDirectory({}), first)).rejects.toThrow('EADDRINUSE')
  const told = await ask('get-port', service)
  expect(told).toMatchObject({ port: first, listeners: [{ pid: stranger.pid }] })
  expect(told.message).toContain('leave the process alone unless you started it')
  expect(told.message).toContain(`call release-port with portNumber ${first}, then get-port`)
  await ask('release-port', { ...service, portNumber: first })
  const other = await ask('get-port', service)
  expect(other).toMatchObject({ port: first + 1, created: true, listening: false })
  expect(other.skipped).toMatchObject([{ portNumber: first }])
  await expectHeld(url, await serveIn(projectDirectory({}), other.port as number))
  expectRunning(stranger)
})

test('an agent asks who is on a port before it ends anything', async ({ skip }) => {
  onLinux(skip)
  const url = await freshDatabase()
  const first = await rangeOf(url, 'blog', 10)
  const [home, elsewhere] = [projectDirectory({}), projectDirectory({})]
  for (const directory of [home, elsewhere]) {
    writeFileSync(join(directory, 'ports.json'), JSON.stringify({ project: 'blog' }))
  }
  const { ask } = await agent(url)
  const { port } = await ask('get-port', { serviceName: 'web', directory: home })
  expect(port).toBe(first)
  expect(await ask('inspect-port', { portNumber: first })).toMatchObject({
    message: expect.stringContaining('nothing listens: start the service'),
    holder: 'blog/web',
    processes: [],
  })
  const own = await serveIn(home, first)
  expect(await ask('inspect-port', { portNumber: first })).toMatchObject({
    message: expect.stringContaining('stopping it stops that service'),
    processes: [{ pid: own.pid, directory: home, whose: 'holder' }],
  })
  await own.end()
  // The copy is another instance, and its server uses the wrong number.
  await ask('get-port', { serviceName: 'web', directory: elsewhere })
  const stranger = await serveIn(elsewhere, first)
  const told = await ask('inspect-port', { portNumber: first })
  expect(told).toMatchObject({ processes: [{ pid: stranger.pid, whose: 'stranger' }] })
  expect(told.message).toContain('stop it only if you started it')
  const unheld = await serveIn(projectDirectory({}), first + 5)
  const stray = await ask('inspect-port', { portNumber: first + 5 })
  expect(stray).not.toHaveProperty('holder')
  expect(stray.message).toContain("held by nobody and in blog's range")
  expect(stray.message).toContain('otherwise leave it alone')
  for (const server of [stranger, unheld]) expectRunning(server)
})

test('an agent gets another port if the one that the user wants is reserved', async ({ skip }) => {
  onLinux(skip)
  const url = await freshDatabase()
  const first = await rangeOf(url, 'blog', 10)
  const manager = await openManager(url)
  const bounds = { startPort: first, endPort: first + 4 }
  await manager.reserve(bounds, 'the old host still answers there', { actor: 'ann' })
  const { ask, failure } = await agent(url)
  const service = { projectName: 'blog', serviceName: 'web' }
  const refused = await failure('get-port', { ...service, portNumber: first })
  expect(refused).toContain('PORT_RESERVED')
  expect(refused).toContain('by ann: the old host still answers there.')
  expect(refused).toContain('call get-port with another portNumber, or without one')
  const { port, message } = await ask('get-port', service)
  expect(port).toBe(first + 5)
  expect(message).toContain(`Skipped ${first}-${first + 4}: reserved.`)
  // The user asks for another one.
  await ask('release-port', { ...service, portNumber: port })
  const wanted = await ask('get-port', { ...service, portNumber: first + 7 })
  expect(wanted).toMatchObject({ port: first + 7, created: true })
  await expectHeld(url, await serveIn(projectDirectory({}), first + 7))
})

test('agents in two worktrees get different ports', async ({ skip }) => {
  onLinux(skip)
  const url = await freshDatabase()
  const main = projectDirectory({})
  const linked = join(projectDirectory({}), 'login')
  git(main, 'init')
  writeFileSync(join(main, 'ports.json'), JSON.stringify({ project: 'blog' }))
  git(main, 'add', '.')
  git(main, 'commit', '-m', 'Begin')
  git(main, 'worktree', 'add', linked)
  const first = await agent(url, [main])
  const second = await agent(url)
  const web = { serviceName: 'web' }
  expect(await first.failure('get-port', web)).toContain('If blog is new, call create-range for it')
  await first.ask('create-range')
  const primary = await first.ask('get-port', web)
  expect(await second.failure('get-port', web)).toContain(
    'or a directory with a ports.json there or above',
  )
  const copy = await second.ask('get-port', { ...web, directory: linked })
  expect(copy).toMatchObject({ instance: 'login', created: true, directory: linked })
  expect(copy.message).toContain('blog/web@login has port')
  expect(copy.port).not.toBe(primary.port)
  const servers = [
    await serveIn(main, primary.port as number),
    await serveIn(linked, copy.port as number),
  ]
  for (const told of [
    await first.ask('get-port', web),
    await second.ask('get-port', { ...web, directory: linked }),
  ]) {
    expect(told).toMatchObject({ created: false, listeners: [{ isService: true }] })
    expect(told.message).toContain('use it, and do not start a second one')
  }
  await expectHeld(url, ...servers)
})

test('an agent gets a number that the user wants only if its project owns it', async () => {
  const url = await freshDatabase()
  const { ask, failure } = await agent(url)
  const service = { projectName: 'consilio', serviceName: 'web' }
  const refused = await failure('get-port', { ...service, portNumber: 3000 })
  expect(refused).toMatch(/^PORT_OUT_OF_RANGE: .*It belongs to meta-supervisor\./)
  expect(refused).toContain('Tell the user, then call get-port without portNumber')
  const nobodys = await failure('get-port', { ...service, portNumber: 4999 })
  expect(nobodys).toContain('or ask the user to run ports range add consilio --start 4999 first.')
  expect(await ask('get-port', service)).toMatchObject({ created: true })
  expect(await ask('get-port', { ...service, portNumber: 3150 })).toMatchObject({ port: 3150 })
  expect(await ask('get-port', service)).toMatchObject({ port: 3150, created: false })
})

test('an agent gets three contiguous ports', async ({ skip }) => {
  onLinux(skip)
  const url = await freshDatabase()
  const first = await rangeOf(url, 'blog', 10)
  const stranger = await serveIn(projectDirectory({}), first + 1)
  const { ask, failure } = await agent(url)
  const rtp = { projectName: 'blog', serviceName: 'rtp', contiguous: true, idempotencyKey: 'once' }
  expect(await failure('allocate-port', { ...rtp, count: 30 })).toMatch(/^RANGE_EXHAUSTED: /)
  const { ports } = await ask('allocate-port', { ...rtp, count: 3 })
  expect(ports).toEqual([first + 2, first + 3, first + 4])
  expect(await ask('allocate-port', { ...rtp, count: 3 })).toMatchObject({ ports })
  const servers = await Promise.all(
    (ports as number[]).map((port) => serveIn(projectDirectory({}), port)),
  )
  await expectHeld(url, ...servers)
  expectRunning(stranger)
})

test('an agent cleans up only what it started', async ({ skip }) => {
  onLinux(skip)
  const url = await freshDatabase()
  const first = await rangeOf(url, 'blog', 10)
  const other = await agent(url)
  await other.ask('get-port', { projectName: 'blog', serviceName: 'web' })
  const others = await serveIn(projectDirectory({}), first)
  const { ask, failure } = await agent(url)
  const spike = { projectName: 'blog', serviceName: 'spike' }
  const { port } = await ask('get-port', spike)
  const server = await serveIn(projectDirectory({}), port as number)
  expect(await ask('get-port', spike)).toMatchObject({ listeners: [{ pid: server.pid }] })
  await server.end()
  expect(await ask('get-port', spike)).toMatchObject({ port, listening: false })
  await ask('allocate-port', spike)
  expect(await failure('release-port', spike)).toContain('or allPorts: true for all of them')
  expect(await ask('release-port', { ...spike, allPorts: true })).toMatchObject({ released: true })
  expect(await ask('list-ports', { projectName: 'blog' })).toMatchObject({
    count: 1,
    allocations: [{ port: first, serviceName: 'web' }],
  })
  expectRunning(others)
})

test('an agent takes over from another', async ({ skip }) => {
  onLinux(skip)
  const url = await freshDatabase()
  const port = await rangeOf(url, 'blog', 10)
  const first = await agent(url)
  const service = { projectName: 'blog', serviceName: 'web' }
  const description = 'Storefront, started with npm run dev'
  await first.ask('get-port', { ...service, description })
  const server = await serveIn(projectDirectory({}), port)
  await first.client.close()
  const second = await agent(url)
  const { allocations } = await second.ask('list-ports', { projectName: 'blog' })
  expect(allocations).toMatchObject([{ serviceName: 'web', port, description }])
  const told = await second.ask('get-port', service)
  expect(told).toMatchObject({ port, created: false, listeners: [{ pid: server.pid }] })
  expect(told.message).toContain('If that is blog/web, use it.')
  await expectHeld(url, server)
})

test('an agent picks no port itself while the database is unavailable', async () => {
  const proxy = await faultyProxy(await freshDatabase())
  const { ask, failure } = await agent(proxy.url)
  const service = { projectName: 'consilio', serviceName: 'web' }
  const held = await ask('get-port', service)
  await proxy.down()
  await failure('list-ports')
  const text = await failure('get-port', service)
  expect(text).toMatch(/^DATABASE_UNAVAILABLE: /)
  expect(text).toContain('Call get-port again in a moment; if it stays so, tell the user.')
  expect(text).toContain('Do not pick a port yourself')
  await proxy.up()
  expect(await ask('get-port', service)).toMatchObject({ port: held.port, created: false })
})

test('an agent does not take the number of a service that is down', async () => {
  const url = await freshDatabase()
  const first = await rangeOf(url, 'blog', 10)
  const other = await agent(url)
  const theirs = { projectName: 'blog', serviceName: 'web' }
  await other.ask('get-port', { ...theirs, portNumber: first + 5 })
  const { ask, failure } = await agent(url)
  const mine = { projectName: 'blog', serviceName: 'api' }
  const refused = await failure('get-port', { ...mine, portNumber: first + 5 })
  expect(refused).toMatch(/^PORT_TAKEN: blog\/web has held port /)
  expect(refused).toContain(
    'A service that is down keeps its port: do not release that of another service.',
  )
  expect(refused).toContain('then call get-port with another portNumber, or without one.')
  const named = Number(/such as (\d+)/.exec(refused)![1])
  expect(await ask('get-port', { ...mine, portNumber: named })).toMatchObject({ port: named })
  expect(await other.ask('get-port', theirs)).toMatchObject({ port: first + 5, created: false })
})

test('an agent leases a port, is told until when, and learns that its lease has ended', async () => {
  const url = await freshDatabase()
  const { ask, failure } = await agent(url)
  const service = { projectName: 'consilio', serviceName: 'preview' }
  const { port, message, leaseEndsAt } = await ask('get-port', { ...service, ttlSeconds: 600 })
  expect(message).toContain('or longer if get-port is called again with ttlSeconds before')
  expect(Date.parse(leaseEndsAt as string)).toBeGreaterThan(Date.now())
  const { allocations } = await ask('list-ports', { projectName: 'consilio' })
  expect(allocations).toMatchObject([{ port, leaseEndsAt }])
  expect(await failure('get-port', { ...service, portNumber: 3150, ttlSeconds: 600 })).toContain(
    'ttlSeconds',
  )
  await passTime(url, 600)
  expect(await ask('list-ports', { projectName: 'consilio' })).toMatchObject({ count: 0 })
  const again = await ask('get-port', service)
  expect(again).toMatchObject({ created: true })
  expect(again).not.toHaveProperty('leaseEndsAt')
  expect(await failure('get-port', { ...service, ttlSeconds: 600 })).toContain('without a lease')
})

test('an agent is told how many numbers rest, and gets another one', async () => {
  const url = await freshDatabase()
  const manager = await openManager(url)
  await manager.setRest('consilio', 3600)
  await manager.getOrAllocate('consilio', 'web')
  await manager.release('consilio', 'web')
  const { ask, failure } = await agent(url)
  const summary = await ask('port-summary', { projectName: 'consilio' })
  expect(summary.message).toContain('1 resting')
  expect(
    await failure('get-port', {
      projectName: 'consilio',
      serviceName: 'api',
      portNumber: 3100,
    }),
  ).toMatch(/ rests on .* until .*\n.*another portNumber/)
})

test('an agent in a loop is stopped, and told when to go on', async () => {
  const url = await freshDatabase()
  const { ask, failure } = await connect(url, { env: { PORTS_AGENT_PER_MINUTE: '3' } })
  const worker = { projectName: 'consilio', serviceName: 'worker' }
  for (const _ of [1, 2, 3]) await ask('allocate-port', worker)
  const stopped = await failure('allocate-port', worker)
  expect(stopped).toMatch(/^LIMIT_REACHED: The actor .* Try again at 20/)
  expect(stopped).toContain('If you ask for ports in a loop, stop.')
  const other = await connect(url, {
    env: { PORTS_AGENT_PER_MINUTE: 'none', PORTS_ACTOR: 'other' },
  })
  await other.ask('allocate-port', worker)
  await passTime(url, 60)
  await ask('allocate-port', worker)
})

test('an agent may hold only so many ports, and gets those that it has', async () => {
  const url = await freshDatabase()
  const { ask, failure } = await connect(url, { env: { PORTS_AGENT_MAX_PORTS: '1' } })
  const web = { projectName: 'consilio', serviceName: 'web' }
  const { port } = await ask('get-port', web)
  expect(await failure('get-port', { ...web, serviceName: 'api' })).toContain(
    'Release what you no longer need, or ask the user to raise it with PORTS_AGENT_MAX_PORTS',
  )
  expect(await ask('get-port', web)).toMatchObject({ port, created: false })
})
