import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import type { CallOptions } from '@ports/core'
import { makeWritesSleep } from '@ports/testkit/vitest'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { numbers } from '../sessions.js'
import {
  api,
  CALL_LIST,
  CALLS,
  contents,
  expectUnknown,
  expectWorking,
  lockTables,
  openImpatiently,
  openOn,
  READ_LIST,
  takeConnection,
  untilGivenBack,
  untilIdle,
  url,
  WRITE_LIST,
  waitingBackend,
  web,
} from './registry.js'

describe('a call that is aborted', () => {
  /** What the call is rejected with once it is aborted, which it is when `ready`. */
  async function abortWhen(
    ready: () => Promise<unknown>,
    call: (options: CallOptions) => Promise<unknown>,
    reason: unknown,
  ): Promise<unknown> {
    const controller = new AbortController()
    const rejected = call({ signal: controller.signal }).then(
      (value) => new Error(`It was not aborted, but gave ${inspect(value)}`),
      (error) => error,
    )
    await ready()
    controller.abort(reason)
    return rejected
  }

  const REASON = new Error('No longer wanted')

  it.each(READ_LIST)('during a read is rejected and cancelled, in %s', async (_name, call) => {
    const { repository } = await openOn(url)
    await repository.listRanges()
    const lock = await lockTables()
    const error = await abortWhen(waitingBackend, (options) => call(repository, options), REASON)
    expect(error).toBe(REASON)
    await untilIdle()
    await lock.rollback()
    await expectWorking(repository)
  })

  it.each(WRITE_LIST)(
    'during a write leaves unknown whether it happened, in %s',
    async (name, call) => {
      const { repository } = await openOn(url)
      await repository.listRanges()
      const lock = await lockTables()
      const error = await abortWhen(waitingBackend, (options) => call(repository, options), REASON)
      expect((await expectUnknown(name, Promise.reject(error))).cause).toBe(REASON)
      await lock.rollback()
      await untilIdle()
      await expectWorking(repository)
    },
  )

  it.each(WRITE_LIST)('during a write is cancelled by the server, in %s', async (_name, call) => {
    const { repository } = await openOn(url)
    await repository.listRanges()
    const before = await contents()
    const wakeUp = await makeWritesSleep(url)
    await abortWhen(waitingBackend, (options) => call(repository, options), REASON)
    await untilIdle()
    await wakeUp()
    expect(await contents()).toEqual(before)
    await expectWorking(repository)
  })

  it('during a write of getOrAllocate is completed by asking again', async () => {
    const { repository } = await openOn(url)
    const lock = await lockTables()
    await abortWhen(waitingBackend, (options) => repository.getOrAllocate(api, options), REASON)
    await lock.rollback()
    expect(await repository.getOrAllocate(api)).toBe(3001)
    await untilIdle()
    expect((await repository.list({ projectName: 'shop' })).total).toBe(2)
  })

  it.each(CALL_LIST)(
    'while it waits for a connection changes nothing, in %s',
    async (_name, call) => {
      const { pool, repository } = openImpatiently({ max: 1 })
      await repository.listRanges()
      const before = await contents()
      const giveBack = await takeConnection(pool)
      const error = await abortWhen(
        () => vi.waitUntil(() => pool.waitingCount > 0, { interval: 1 }),
        (options) => call(repository, options),
        REASON,
      )
      giveBack()
      await untilGivenBack(pool)
      await untilIdle()
      expect(error).toBe(REASON)
      expect(await contents()).toEqual(before)
      await call(repository)
      await expectWorking(repository)
    },
  )

  // Whatever the caller says, it is not about the database, though it may sound like that.
  it.each([
    ['an error about a client', new Error('Client went away')],
    ['an error about a connection', new Error('Connection terminated by the user')],
    ['an error about time', new Error('timeout exceeded')],
    ['an error of a socket', Object.assign(new Error('No more'), { code: 'EPIPE', syscall: 'x' })],
    ['a text', 'no longer wanted'],
    ['null', null],
  ])('is rejected with its reason, %s', async (_what, reason) => {
    const { pool, repository } = openImpatiently({ max: 1 })
    for (const name of ['getOrAllocate', 'listRanges', 'allocate'] as const) {
      const giveBack = await takeConnection(pool)
      const error = await abortWhen(
        () => vi.waitUntil(() => pool.waitingCount > 0, { interval: 1 }),
        (options) => CALLS[name]!(repository, options),
        reason,
      )
      expect(error).toBe(reason)
      giveBack()
      await untilGivenBack(pool)
    }
    await expectWorking(repository)
  })

  it('during a read is rejected with its reason, null', async () => {
    const { repository } = await openOn(url)
    const lock = await lockTables()
    expect(
      await abortWhen(waitingBackend, (options) => repository.listRanges(options), null),
    ).toBeNull()
    await lock.rollback()
    await expectWorking(repository)
  })

  it('leaves nothing behind on a signal that many calls share', async () => {
    const { repository } = await openOn(url)
    const controller = new AbortController()
    const warnings: Error[] = []
    const onWarning = (warning: Error) => void warnings.push(warning)
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
    for (const _ of numbers(1, 15)) {
      await repository.getOrAllocate(web, { signal: controller.signal })
      await repository.listRanges({ signal: controller.signal })
    }
    const { signal } = controller
    await Promise.all(
      numbers(1, 15).flatMap(() => [
        repository.getOrAllocate(web, { signal }),
        repository.listRanges({ signal }),
        repository.release(api, { signal }),
        repository.update(web, { description: 'Storefront' }, { signal }),
      ]),
    )
    expect(getEventListeners(signal, 'abort')).toEqual([])
    controller.abort()
    await expectWorking(repository)
    expect(warnings).toEqual([])
  })
})
