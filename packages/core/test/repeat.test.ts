import { beforeEach, describe, expect, it, vi } from 'vitest'
import { PortsError, type PortsErrorCode } from '../src/errors.js'
import { PortManager } from '../src/PortManager.js'
import { untouchedStore } from './untouchedStore.js'

// The pauses have a random length, which is 0 here.
beforeEach(() => {
  vi.restoreAllMocks()
  vi.spyOn(Math, 'random').mockReturnValue(0)
})

/** A store whose answers are given: an error for a code, a success for anything else. */
function scripted(answers: (PortsErrorCode | number | boolean)[]) {
  let attempts = 0
  const answer = async () => {
    const next = answers[attempts++]
    if (typeof next === 'string') throw new PortsError(next, `told to fail with ${next}`)
    return next as never
  }
  const repository = {
    ...untouchedStore,
    getOrAllocate: answer,
    allocate: answer,
    release: async () => [await answer()] as never,
    update: answer,
    setRest: answer,
  }
  return {
    ports: new PortManager(repository, { hostname: 'localhost' }),
    attempts: () => attempts,
  }
}

const IDEMPOTENT: Record<string, (ports: PortManager, signal?: AbortSignal) => Promise<unknown>> = {
  getOrAllocate: (ports, signal) => ports.getOrAllocate('shop', 'web', { signal }),
  'allocate with a key': (ports, signal) =>
    ports.allocate('shop', 'web', { idempotencyKey: 'first', signal }),
  releasePorts: async (ports, signal) =>
    (await ports.releasePorts('shop', 'web', undefined, { signal }))[0],
  setRest: async (ports, signal) => (await ports.setRest('shop', 60, { signal })).restSecondsBefore,
  updatePort: (ports, signal) => ports.updatePort('shop', 'web', { description: 'x' }, { signal }),
}

describe.each(Object.entries(IDEMPOTENT))('%s', (_name, call) => {
  it('is repeated when others were in the way and when its answer was lost', async () => {
    const { ports, attempts } = scripted(['BUSY', 'OUTCOME_UNKNOWN', 'DATABASE_UNAVAILABLE', 3000])
    expect(await call(ports)).toBe(3000)
    expect(attempts()).toBe(4)
  })

  it('is given up after six attempts, with what the last one said', async () => {
    const { ports, attempts } = scripted(Array(9).fill('BUSY'))
    await expect(call(ports)).rejects.toMatchObject({ code: 'BUSY' })
    expect(attempts()).toBe(6)
  })

  it('still says that its outcome is unknown when the database is gone after that', async () => {
    const { ports } = scripted(['OUTCOME_UNKNOWN', ...Array(9).fill('DATABASE_UNAVAILABLE')])
    await expect(call(ports)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  })

  it('still says so when the database is too busy to tell after that', async () => {
    const { ports } = scripted(['OUTCOME_UNKNOWN', ...Array(9).fill('BUSY')])
    await expect(call(ports)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  })

  it('uses a later answer, even a refusal, in place of the lost one', async () => {
    const { ports } = scripted(['OUTCOME_UNKNOWN', 'RANGE_EXHAUSTED'])
    await expect(call(ports)).rejects.toMatchObject({ code: 'RANGE_EXHAUSTED' })
  })

  it.each(['DATABASE_UNAVAILABLE', 'PROJECT_NOT_FOUND', 'RANGE_EXHAUSTED'] as const)(
    'is not repeated after %s',
    async (code) => {
      const { ports, attempts } = scripted([code, 3000])
      await expect(call(ports)).rejects.toMatchObject({ code })
      expect(attempts()).toBe(1)
    },
  )

  it('is not repeated once it was aborted, and says what may have happened', async () => {
    const { ports, attempts } = scripted(['OUTCOME_UNKNOWN', 3000])
    await expect(call(ports, AbortSignal.abort())).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    })
    expect(attempts()).toBe(1)
  })
})

it('begins no attempt after half a minute: each may take as long as the store lets it', async () => {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(0)
  const { ports, attempts } = scripted(['BUSY', 'BUSY', 3000])
  const call = ports.getOrAllocate('shop', 'web')
  clock.mockReturnValue(30_001)
  await expect(call).rejects.toMatchObject({ code: 'BUSY' })
  expect(attempts()).toBe(1)
})

it('stops in a pause when it is aborted, with the reason', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(1000)
  const { ports, attempts } = scripted(['BUSY', 3000])
  const abort = new AbortController()
  const call = ports.getOrAllocate('shop', 'web', { signal: abort.signal })
  await vi.waitFor(() => expect(attempts()).toBe(1))
  abort.abort(new Error('enough'))
  await expect(call).rejects.toThrow('enough')
  expect(attempts()).toBe(1)
})

describe('allocate without a key', () => {
  it('is repeated when others were in the way, for then nothing was changed', async () => {
    const { ports, attempts } = scripted(['BUSY', 'BUSY', 3000])
    expect(await ports.allocate('shop', 'web')).toBe(3000)
    expect(attempts()).toBe(3)
  })

  it('is never repeated when its answer was lost', async () => {
    const { ports, attempts } = scripted(['OUTCOME_UNKNOWN', 3000])
    await expect(ports.allocate('shop', 'web')).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(attempts()).toBe(1)
  })
})
