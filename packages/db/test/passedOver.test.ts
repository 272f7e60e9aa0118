import { type Bounds, PortManager, type PortRepository } from '@ports/core'
import { emptyDatabase, sql } from '@ports/testkit/vitest'
import { expect, it, onTestFinished, vi } from 'vitest'
import { openRepository } from '../src/index.js'
import { multirange } from '../src/store/multirange.js'

it.each([
  ['tcp', undefined],
  ['udp', undefined],
  ['tcp', 'another-host'],
  ['udp', 'another-host'],
] as const)(
  'PostgreSQL reads from the multirange of %s the numbers that have a reason (host: %s)',
  async (protocol, hostname) => {
    vi.stubEnv('PORTS_PASS_OVER', undefined)
    onTestFinished(() => {
      vi.unstubAllEnvs()
    })
    const url = await emptyDatabase()
    const manager = new PortManager(await openRepository({ url }))
    onTestFinished(() => manager.close())
    const passedOver = await manager.passedOver({ protocol, hostname })
    const all = Array.from({ length: 65_535 }, (_, nth) => nth + 1)
    expect(await numbersIn(url, passedOver.ranges)).toEqual(
      all.filter((port) => passedOver.reasonFor(port) !== undefined),
    )
  },
)

it.each([
  [
    'ranges that touch or overlap',
    [3100, 3101, 3102],
    [
      [3101, 3102],
      [3100, 3101],
      [3102, 3102],
    ],
  ],
  ['the last number', [65_535], [[65_535, 65_535]]],
  ['nothing', [], []],
])('PostgreSQL reads from a multirange %s', async (_what, numbers, bounds) => {
  const ranges = bounds.map(([startPort, endPort]) => ({
    startPort: startPort!,
    endPort: endPort!,
  }))
  expect(await numbersIn(await emptyDatabase(), ranges)).toEqual(numbers)
})

it('a call with metadata passes over numbers also if the port is released while it runs', async () => {
  vi.stubEnv('PORTS_PASS_OVER', undefined)
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
  const store = await openRepository({ url: await emptyDatabase() })
  const find: PortRepository['find'] = async (key, call) => {
    const held = await store.find(key, call)
    await store.release(key)
    return held
  }
  const ports = new PortManager(Object.assign(Object.create(store), { find }))
  onTestFinished(() => ports.close())
  // No browser opens 6000.
  await ports.createRange({ projectName: 'shop', startPort: 6000, endPort: 6001 })
  await store.claim({ ...ports.service('shop', 'web'), portNumber: 6001 })
  const { allocation } = await ports.ensure('shop', 'web', { description: 'Storefront' })
  expect(allocation).toMatchObject({ portNumber: 6001, description: 'Storefront' })
  expect(await ports.ensure('shop', 'web', { serviceType: 'http' })).toMatchObject({
    allocation: { portNumber: 6001, description: 'Storefront', serviceType: 'http' },
    created: false,
    skipped: [],
    cannotSee: [],
  })
  await ports.release('shop', 'web')
  expect(await ports.ensure('shop', 'new', { description: 'Next' })).toMatchObject({
    allocation: { portNumber: 6001, description: 'Next' },
    created: true,
    skipped: [{ portNumber: 6000 }],
  })
})

/** The numbers that PostgreSQL reads from the text that the store sends. */
async function numbersIn(url: string, ranges: readonly Bounds[]): Promise<number[]> {
  const rows = await sql<{ port: number }>(
    url,
    `select port
     from generate_series(1, 65535) as port
     where port <@ $1::int4multirange
     order by port`,
    [multirange(ranges)],
  )
  return rows.map(({ port }) => port)
}
