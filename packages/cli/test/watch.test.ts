import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { portsIn } from '@ports/testkit'
import {
  databaseWithOwnNumbers,
  onLinux,
  projectDirectory,
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

/** A watch whose events are read one at a time, but for listeners of others on this machine. */
function watching(url: string, directory: string) {
  const child = startPorts(directory, url, ['watch', '--every', '1s', '--json'])
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    for (;;) {
      const event = JSON.parse((await lines.next()).value)
      if (event.kind !== 'unregistered') return event
    }
  }
  return { child, next }
}

test('a watch tells what changes on this host, and keeps its checks', async ({ skip }) => {
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
  // The next thing that it tells is another one.
  await ports('release', 'shop', 'more', '--port', `${web + 7}`)
  expect(await next()).toMatchObject({ what: 'ended', port: web + 7 })
})

test('a watch goes on while the database is away', async () => {
  const { url, directory } = await shop()
  const broken = new URL(url)
  broken.searchParams.set('host', '/tmp/ports-no-such-socket')
  const { next } = watching(broken.href, directory)
  expect(await next()).toMatchObject({ what: 'failed', code: 'DATABASE_UNAVAILABLE' })
  expect(await next()).toMatchObject({ what: 'failed', code: 'DATABASE_UNAVAILABLE' })
})

test('the checks of a service are shown with how often it was up', async () => {
  const { ports, web } = await shop()
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
})
