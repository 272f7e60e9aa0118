import { portsOn } from '@ports/testkit'
import { freshDatabase } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'

const twenty = Array.from({ length: 20 }, (_, index) => index)

test('twenty processes at once get twenty ports for twenty services', async () => {
  const ports = portsOn(await freshDatabase())
  const ended = await Promise.all(twenty.map((index) => ports('get', 'consilio', `svc-${index}`)))
  const numbers = ended.map(({ stdout }) => Number(stdout)).sort((a, b) => a - b)
  expect(numbers).toEqual(twenty.map((index) => 3100 + index))
  for (const { stderr } of ended) expect(stderr).toMatch(/^Allocated just now: .*\n$/)
})

test('twenty processes at once get one port for one service, and one says that it is new', async () => {
  const ports = portsOn(await freshDatabase())
  const ended = await Promise.all(twenty.map(() => ports('get', 'consilio', 'api')))
  for (const one of ended) expect(one).toMatchObject({ stdout: '3100\n', status: 0 })
  const told = ended.map(({ stderr }) => stderr).filter((stderr) => stderr !== '')
  expect(told).toEqual(['Allocated just now: consilio/api had no port on localhost/tcp.\n'])
})

test('of twenty processes that drain a range of ten, ten are told that it is full', async () => {
  const ports = portsOn(await freshDatabase())
  await ports('range', 'create', 'tiny', '--start', '4000', '--end', '4009')
  const ended = await Promise.all(twenty.map(() => ports('allocate', 'tiny', 'worker')))
  const given = ended.filter(({ status }) => status === 0).map(({ stdout }) => Number(stdout))
  expect(given.sort()).toEqual(twenty.slice(0, 10).map((index) => 4000 + index))
  expect(ended.filter(({ status }) => status === 4)).toHaveLength(10)
})
