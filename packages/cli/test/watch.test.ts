import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Environment, portsIn, tempDirectory } from '@ports/testkit'
import {
  databaseWithOwnNumbers,
  onLinux,
  projectDirectory,
  sql,
  startPorts,
} from '@ports/testkit/vitest'
import { expect, onTestFinished, test } from 'vitest'

const SHOP = { 'ports.json': { project: 'shop', services: { web: {} } } }

async function shop() {
  const url = await databaseWithOwnNumbers('shop')
  const directory = projectDirectory(SHOP)
  const ports = portsIn(directory, url)
  const web = Number((await ports('get', 'web')).stdout)
  return { url, directory, ports, web }
}

async function listenOn(port: number) {
  const server = createServer().listen(port, '127.0.0.1')
  onTestFinished(() => {
    server.close()
  })
  await once(server, 'listening')
  return server
}

/** A watch whose events are read one at a time, except those of other listeners of this machine. */
function watching(url: string, directory: string, more?: Environment) {
  const child = startPorts(directory, url, ['watch', '--every', '1s', '--json'], more)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    for (;;) {
      const event = JSON.parse((await lines.next()).value)
      if (event.kind !== 'unregistered') return event
    }
  }
  return { child, next }
}

test('a watch reports what changes on this host, and keeps its checks', async ({ skip }) => {
  onLinux(skip)
  const { url, directory, ports, web } = await shop()
  const { child, next } = watching(url, directory)
  expect(await next()).toMatchObject({ what: 'audited', allocated: 1 })
  expect(await next()).toMatchObject({ what: 'began', kind: 'not-running', port: web })
  const server = await listenOn(web)
  expect(await next()).toMatchObject({ what: 'ended', kind: 'not-running', port: web })
  // This process does not run in the checkout.
  expect(await next()).toMatchObject({ what: 'began', kind: 'stranger', port: web })
  server.close()
  expect(await next()).toMatchObject({ what: 'ended', kind: 'stranger', port: web })
  expect(await next()).toMatchObject({ what: 'began', kind: 'not-running', port: web })
  child.kill('SIGINT')
  const [status] = await once(child, 'exit')
  expect(status).toBe(130)
  const [checked] = JSON.parse((await ports('history', 'web', '--checks', '--json')).stdout)
  expect(checked.health).toMatchObject({ changes: 2, listening: expect.any(Number) })
  expect(checked.checks[0]).toMatchObject({ verdict: 'not-listening' })
})

test('a watch warns once when most ports of a project are held', async () => {
  const { url, directory, ports, web } = await shop()
  await ports('allocate', 'shop', 'more', '--count', '6')
  const { next } = watching(url, directory)
  expect(await next()).toMatchObject({ what: 'audited', allocated: 7 })
  for (const nth of [0, 1, 2, 3, 4, 5, 6]) {
    expect(await next()).toMatchObject({ what: 'began', port: web + nth })
  }
  await ports('allocate', 'shop', 'more')
  const told = [await next(), await next()]
  expect(told).toContainEqual(
    expect.objectContaining({ what: 'nearly-full', projectName: 'shop', allocatedPorts: 8 }),
  )
  expect(told).toContainEqual(expect.objectContaining({ what: 'began', port: web + 7 }))
  // The next event is another one.
  await ports('release', 'shop', 'more', '--port', `${web + 7}`)
  expect(await next()).toMatchObject({ what: 'ended', port: web + 7 })
})

test('a watch goes on while the database is unavailable', async () => {
  const { url, directory } = await shop()
  const broken = new URL(url)
  broken.searchParams.set('host', '/tmp/ports-no-such-socket')
  const { next } = watching(broken.href, directory)
  expect(await next()).toMatchObject({ what: 'failed', code: 'DATABASE_UNAVAILABLE' })
  const second = await Promise.race([next(), sleep(3_000, 'nothing')])
  expect(second).toBe('nothing')
})

test('a watch says once that the registry was stopped, does not start it, and goes on later', async () => {
  const home = tempDirectory('ports-watch-')
  const directory = projectDirectory(SHOP)
  const environment = { PORTS_HOME: home, PORTS_DATABASE_URL: '' }
  const ports = portsIn(directory, '', environment)
  onTestFinished(async () => {
    await ports('uninstall', '--yes')
    rmSync(home, { recursive: true, force: true })
  })
  // Other tests listen on the default ranges.
  await ports('range', 'create', 'shop', '--start', '30170', '--end', '30179')
  await ports('get', 'web')
  const { next } = watching('', directory, environment)
  expect(await next()).toMatchObject({ what: 'audited' })
  expect(await next()).toMatchObject({ what: 'began', kind: 'not-running' })
  await ports('db', 'stop')
  expect(await next()).toMatchObject({ what: 'failed', code: 'DATABASE_UNAVAILABLE' })
  const afterwards = next()
  expect(await Promise.race([afterwards, sleep(3_000, 'nothing')])).toBe('nothing')
  expect((await ports('db', 'status')).stdout).toMatch(/^running +no$/m)
  await ports('release', 'web')
  expect(await afterwards).toMatchObject({ what: 'recovered' })
  expect(await next()).toMatchObject({ what: 'ended', kind: 'not-running' })
})

test('a watch says whether something listens again, or the port was released', async ({ skip }) => {
  onLinux(skip)
  const { url, directory, ports, web } = await shop()
  const api = Number((await ports('get', 'shop', 'api')).stdout)
  const child = startPorts(directory, url, ['watch', '--every', '1s'])
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const until = async (text: string) => {
    while (!(await lines.next()).value.endsWith(text));
  }
  await until(`${api} shop/api: not running`)
  await listenOn(web)
  await until(`${web} shop/web: something listens again`)
  await ports('release', 'shop', 'api')
  await until(`${api} shop/api: it was released`)
})

test('the checks of a service are shown with how often it was up', async () => {
  const { url, ports, web } = await shop()
  expect((await ports('history', 'shop', 'web', '--checks')).stderr).toContain(
    'No audit has checked',
  )
  await ports('audit')
  const server = await listenOn(web)
  await ports('audit')
  server.close()
  const { stdout, stderr } = await ports('history', 'shop', 'web', '--checks')
  expect(stdout).toMatch(
    new RegExp(`^\\S+Z +${web} +listening .+\\n\\S+Z +${web} +not listening`, 'm'),
  )
  expect(stderr).toMatch(
    new RegExp(`^shop/web \\(${web}\\): up in 50 % of 2 checks since .+1 change`, 'm'),
  )
  expect((await ports('history', '--checks')).stdout).toBe(stdout)
  expect((await ports('history', 'web', '--checks')).stdout).toBe(stdout)
  expect((await ports('watch', '--every', '0')).status).toBe(2)
  const outside = portsIn('/', url)
  expect((await outside('history', 'shop', '--checks')).stdout).toBe(stdout)
  expect((await outside('history', '--port', `${web}`, '--checks')).stdout).toBe(stdout)
  expect((await outside('history', 'shop', 'web', '--checks')).stdout).toBe(stdout)
  expect(await outside('history', '--checks')).toMatchObject({
    stderr: expect.stringContaining('Give a project, or --port.'),
    status: 2,
  })
  await ports('get', 'shop', 'api')
  await ports('audit')
  expect((await outside('history', 'shop', '--checks')).stdout).toMatch(
    / +shop\/api +not listening/,
  )
})

test('a service whose last sighting is no longer among the kept checks was seen', async () => {
  const { url, ports, web } = await shop()
  const server = await listenOn(web)
  await ports('audit')
  server.close()
  await ports('audit')
  // A hundred further audits would have the same effect.
  await sql(url, "delete from ports.port_health_checks where verdict = 'listening'")
  const lastSeen = /up in 0 % of 1 check since \S+Z, last seen \S+Z/
  expect((await ports('history', 'web', '--checks')).stderr).toMatch(lastSeen)
  expect((await ports('explain', 'web')).stdout).toMatch(lastSeen)
})
