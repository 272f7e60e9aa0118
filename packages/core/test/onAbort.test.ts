import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { PortsError } from '../src/errors.js'
import { connectProbe } from '../src/listeners/connectProbe.js'
import { onAbort } from '../src/onAbort.js'
import { repeatBusy } from '../src/repeat.js'
import { numbers } from '../testing/shop.js'

const listenersOf = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

describe('onAbort', () => {
  it('calls each waiting callback once, and none that no longer waits', () => {
    const controller = new AbortController()
    const [first, second, gone] = [vi.fn(), vi.fn(), vi.fn()]
    onAbort(controller.signal, first)
    onAbort(controller.signal, second)
    onAbort(controller.signal, second)
    onAbort(controller.signal, gone)()
    controller.abort()
    controller.abort()
    expect([first, second, gone].map((each) => each.mock.calls.length)).toEqual([1, 2, 0])
  })

  it('calls back at once if the signal is aborted already', () => {
    const callback = vi.fn()
    onAbort(AbortSignal.abort(), callback)()
    expect(callback).toHaveBeenCalledOnce()
  })

  it('puts one listener on a signal, and removes it when nothing waits any more', () => {
    const { signal } = new AbortController()
    const forget = numbers(1, 50).map(() => onAbort(signal, () => {}))
    expect(listenersOf(signal)).toBe(1)
    for (const each of forget) each()
    for (const each of forget) each()
    expect(listenersOf(signal)).toBe(0)
    const callback = vi.fn()
    onAbort(signal, callback)
    signal.dispatchEvent(new Event('abort'))
    expect(callback).toHaveBeenCalledOnce()
  })
})

describe('a signal that many calls share has one listener', () => {
  it('while they pause before another attempt', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const busy = vi.fn(async () => {
      throw new PortsError('BUSY', 'told to be busy')
    })
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const calls = numbers(1, 20).map(() => repeatBusy(busy, signal))
    const settled = Promise.allSettled(calls)
    await vi.waitFor(() => expect(busy).toHaveBeenCalledTimes(20))
    await vi.waitFor(() => expect(listenersOf(signal)).toBe(1))
    const reason = new Error('No longer wanted')
    controller.abort(reason)
    for (const each of await settled) expect(each).toEqual({ status: 'rejected', reason })
    expect(busy).toHaveBeenCalledTimes(20)
    vi.restoreAllMocks()
  })

  it('while they wait for another host', async () => {
    const controller = new AbortController()
    const { signal } = controller
    // A lookup that never ends.
    const probe = { timeoutMs: 60_000, signal, lookup: () => {} }
    const target = { hostname: 'silent.example', port: 3000 }
    const settled = Promise.allSettled(numbers(1, 20).map(() => connectProbe(target, probe)))
    expect(listenersOf(signal)).toBe(1)
    const reason = new Error('No longer wanted')
    controller.abort(reason)
    for (const each of await settled) expect(each).toEqual({ status: 'rejected', reason })
    expect(listenersOf(signal)).toBe(0)
  })
})
