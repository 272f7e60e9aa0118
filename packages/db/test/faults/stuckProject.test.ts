import { openRepository } from '@ports/db'
import { emptyDatabase } from '@ports/testkit/vitest'
import { expect, it, onTestFinished } from 'vitest'
import { Session } from '../sessions.js'

const CALLS = 30

it('a call of one project is answered while dozens of another wait for a lock', async () => {
  const url = await emptyDatabase()
  const repository = await openRepository({ url })
  onTestFinished(() => repository.close())
  for (const [projectName, startPort] of [
    ['stuck', 20_000],
    ['free', 20_100],
  ] as const) {
    await repository.createRange({ projectName, startPort, endPort: startPort + 99 })
  }
  const requestOf = (projectName: string, service: number) => ({
    projectName,
    serviceName: `service-${service}`,
    instance: '',
    hostname: 'localhost',
    protocol: 'tcp' as const,
  })
  const holder = await Session.open(url)
  await holder.begin()
  await holder.query(`select from ports.projects where name = 'stuck' for update`)

  let settled = 0
  const waiting = Array.from({ length: CALLS }, (_, service) => {
    const call = repository.getOrAllocate(requestOf('stuck', service))
    return call.finally(() => settled++)
  })
  for (let service = 0; service < CALLS; service++) {
    await repository.getOrAllocate(requestOf('free', service))
  }
  expect(settled).toBe(0)

  await holder.commit()
  expect(new Set(await Promise.all(waiting)).size).toBe(CALLS)
})
