import { expect, it } from 'vitest'
import { expectRefusal, openOn, url } from './registry.js'

// The server says so before it has ended the transaction, whose locks another connection would meet.
it('a call that is refused leaves its connection to the next one', async () => {
  const { pool, repository } = await openOn(url)
  const backend = async () => (await pool.query('select pg_backend_pid() as pid')).rows[0].pid
  const before = await backend()
  const taken = { projectName: 'blog', startPort: 3005, endPort: 3014 }
  await expectRefusal(repository.createRange(taken), 'RANGE_OVERLAP')
  expect(await backend()).toBe(before)
  const without = repository.resizeRange('shop', { startPort: 3005, endPort: 3009 })
  await expectRefusal(without, 'RANGE_IN_USE')
  expect(await backend()).toBe(before)
})
