import { openRepository } from '@ports/db'
import { emptyDatabase } from '@ports/testkit/vitest'
import { expect, it } from 'vitest'
import { Session } from '../sessions.js'

const GET = `select ports.get_or_allocate_port('shop', 'api')`

it('get_or_allocate_port() waits and then gives the port that the service got meanwhile', async () => {
  const url = await emptyDatabase()
  const repository = await openRepository({ url })
  await repository.createRange({ projectName: 'shop', startPort: 20_000, endPort: 20_099 })
  await repository.close()
  const [first, second] = await Promise.all([Session.open(url), Session.open(url)])
  await first.begin()
  await first.query(`select from ports.projects where name = 'shop' for update`)

  // Has seen that the service has no port, and waits to offer the first numbers.
  const waiting = second.value<number>(GET)
  await second.waiting()
  expect(await first.value<number>(GET)).toBe(20_000)
  await first.commit()

  expect(await waiting).toBe(20_000)
  expect(await first.value(`select count(*)::integer from ports.allocations`)).toBe(1)
})
