import { PortManager } from '@ports/core'
import { expect, it, onTestFinished, vi } from 'vitest'
import { emptyDatabase, sql } from '../../../test/database.js'
import { openRepository } from '../src/index.js'

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
    const rows = await sql<{ port: number }>(
      url,
      `select port
       from generate_series(1, 65535) as port
       where port <@ '${passedOver.multirange}'::int4multirange
       order by port`,
    )
    const all = Array.from({ length: 65_535 }, (_, nth) => nth + 1)
    expect(rows.map(({ port }) => port)).toEqual(
      all.filter((port) => passedOver.reasonFor(port) !== undefined),
    )
  },
)
