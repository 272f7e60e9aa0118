import { skipBecause } from '@ports/testkit/vitest'
import { expect, it } from 'vitest'
import { appearance, expectRefusal, freshHome, getApi, inHome, open } from './homes.js'

it('a caller that waits for a stopped process is told which one, and gives up', async ({
  skip,
}) => {
  if (process.platform !== 'linux') skipBecause(skip, 'the state of a process is in /proc')
  const home = freshHome()
  const maker = open(inHome(home))
  const appeared = appearance(home, /^data\.unfinished-/)
  const made = getApi(maker)
  await appeared
  process.kill(maker.pid, 'SIGSTOP')
  const waiting = await Promise.all([getApi(open(inHome(home))), open(inHome(home)).start()])
  for (const answer of waiting) {
    expectRefusal(
      answer,
      'DATABASE_UNAVAILABLE',
      home,
      `process ${maker.pid}`,
      `kill -CONT ${maker.pid}`,
    )
    expect(answer.notices).toEqual([expect.stringContaining(`waiting for process ${maker.pid}`)])
  }
  process.kill(maker.pid, 'SIGCONT')
  const { error, result } = await made
  expect({ error, result }).toEqual({ result: 3100 })
})
