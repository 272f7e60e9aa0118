import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { projectDirectory } from '@ports/testkit/vitest'
import { expect, it, onTestFinished } from 'vitest'
import { RegistryPool } from '../../src/RegistryPool.js'
import { numbers } from '../sessions.js'
import { refusal } from './registry.js'

it('calls at once that find no server share one start of it, and later ones start it again', async () => {
  const dataDirectory = projectDirectory({})
  let starts = 0
  const start = async () => {
    starts++
    await sleep(200)
  }
  const config = { host: join(dataDirectory, 'no-server'), max: 10 }
  const pool = new RegistryPool(config, { dataDirectory, start })
  onTestFinished(() => pool.end())

  const errors = await Promise.all(numbers(1, 10).map(() => refusal(pool.connect())))
  expect(errors.map(({ code }) => code)).toEqual(Array(10).fill('DATABASE_UNAVAILABLE'))
  expect(starts).toBe(1)

  await refusal(pool.connect())
  expect(starts).toBe(2)
})
