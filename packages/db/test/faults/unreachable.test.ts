import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { databaseUrlOn } from '@ports/testkit'
import { faultyProxy, projectDirectory } from '@ports/testkit/vitest'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  CALL_LIST,
  contents,
  ENTRY_POINT_LIST,
  expectRefusal,
  expectWorking,
  openOn,
  QUOTED_PASSWORD,
  READS,
  refusal,
  url,
} from './registry.js'

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

describe('a database that does not exist', () => {
  it.each(ENTRY_POINT_LIST)('is unavailable to %s behind a closed port', async (_name, open) => {
    const port = await closedPort()
    const error = await expectRefusal(
      open(`postgresql://ports:${QUOTED_PASSWORD}@127.0.0.1:${port}/ports`),
      'DATABASE_UNAVAILABLE',
    )
    expect(error.message).toContain('PORTS_DATABASE_URL')
    expect(error.message).toContain(String(port))
  })

  it.each(ENTRY_POINT_LIST)('is unavailable to %s without a socket', async (_name, open) => {
    const directory = projectDirectory({})
    await expectRefusal(open(databaseUrlOn(directory, 'ports')), 'DATABASE_UNAVAILABLE')
  })

  it.each(ENTRY_POINT_LIST)(
    'is unavailable to %s where it has another name',
    async (_name, open) => {
      const unknown = url.replace(/test_\w+/, 'test_unknown')
      await expectRefusal(open(unknown), 'DATABASE_UNAVAILABLE')
    },
  )

  it.each(ENTRY_POINT_LIST)(
    'is unavailable to %s where it is a web server',
    async (_name, open) => {
      const server = createHttpServer((_request, response) => response.end()).listen(0, '127.0.0.1')
      onTestFinished(() => void server.close())
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      await expectRefusal(
        open(`postgresql://ports:${QUOTED_PASSWORD}@127.0.0.1:${port}/ports`),
        'DATABASE_UNAVAILABLE',
      )
    },
  )

  it.each(ENTRY_POINT_LIST)(
    'is unavailable to %s where it takes no connections',
    async (_name, open) => {
      // Never does.
      await expectRefusal(open(url.replace(/test_\w+/, 'template0')), 'DATABASE_UNAVAILABLE')
    },
  )

  it.each(ENTRY_POINT_LIST)('is unavailable to %s where it cannot encrypt', async (_name, open) => {
    await expectRefusal(open(`${url}&sslmode=no-verify`), 'DATABASE_UNAVAILABLE')
  })

  it.each(ENTRY_POINT_LIST)(
    'is unavailable to %s where its certificate is missing',
    async (_name, open) => {
      const missing = encodeURIComponent(join(projectDirectory({}), 'ca.pem'))
      await expectRefusal(
        open(`${url}&sslmode=verify-full&sslrootcert=${missing}`),
        'DATABASE_UNAVAILABLE',
      )
    },
  )

  it.each(ENTRY_POINT_LIST)('is unavailable to %s where it hangs up', async (_name, open) => {
    const proxy = await faultyProxy(url)
    proxy.refuse()
    await expectRefusal(open(proxy.url), 'DATABASE_UNAVAILABLE')
  })
})

describe.each([
  ['TCP', () => undefined],
  ['a Unix socket', () => projectDirectory({})],
])('a database that goes away, on %s,', (_kind, directory) => {
  it.each(CALL_LIST)('is unavailable to %s until it is back', async (_name, call) => {
    const proxy = await faultyProxy(url, { directory: directory() })
    const { pool, repository } = await openOn(proxy.url)
    await repository.listRanges()
    const before = await contents()
    await proxy.down()
    // Not yet noticed, a broken connection would still be written to.
    await vi.waitUntil(() => pool.totalCount === 0, { interval: 1 })
    await expectRefusal(call(repository), 'DATABASE_UNAVAILABLE')
    expect(await contents()).toEqual(before)
    await proxy.up()
    await call(repository)
    await expectWorking(repository)
  })
})

describe.each([
  ['TCP', () => undefined],
  ['a Unix socket', () => projectDirectory({})],
])('a connection that broke unnoticed, on %s,', (_kind, directory) => {
  it.each(CALL_LIST)('is found out by %s', async (name, call) => {
    const proxy = await faultyProxy(url, { directory: directory() })
    const { repository } = await openOn(proxy.url)
    await repository.listRanges()
    const before = await contents()
    proxy.cut()
    const error = await refusal(call(repository))
    // Whether anything could be sent depends on when the kernel says that nobody is there.
    const possible = ['DATABASE_UNAVAILABLE', ...(name in READS ? [] : ['OUTCOME_UNKNOWN'])]
    expect(possible).toContain(error.code)
    expect(await contents()).toEqual(before)
    await call(repository)
    await expectWorking(repository)
  })
})

describe('a database that hangs up on new connections', () => {
  it.each(CALL_LIST)('is unavailable to %s, for nothing was sent', async (_name, call) => {
    const proxy = await faultyProxy(url)
    const { repository } = await openOn(proxy.url)
    const before = await contents()
    proxy.refuse()
    await expectRefusal(call(repository), 'DATABASE_UNAVAILABLE')
    expect(await contents()).toEqual(before)
    proxy.accept()
    await call(repository)
    await expectWorking(repository)
  })
})
