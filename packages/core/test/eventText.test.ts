import { describe, expect, it } from 'vitest'
import { eventText } from '../src/eventText.js'
import type { PortEvent } from '../src/PortEvent.js'

function event(more: Partial<PortEvent>): PortEvent {
  const at = new Date('2026-11-28T09:12:03.456Z')
  return { id: '1', at, role: 'ports_caller', call: 'allocate', what: 'allocated', ...more }
}

describe('the text of an event', () => {
  it('names the service and the actor', () => {
    const service = { projectName: 'shop', serviceName: 'web', instance: 'login' }
    expect(eventText(event({ ...service, actor: 'ann@desk' }))).toBe(
      '2026-11-28T09:12:03Z allocated shop/web@login by ann@desk',
    )
  })

  it('names the project whose range was changed', () => {
    expect(eventText(event({ what: 'range-created', projectName: 'shop' }))).toBe(
      '2026-11-28T09:12:03Z range-created shop',
    )
  })

  it('names nothing where a reservation was changed', () => {
    expect(eventText(event({ what: 'reserved' }))).toBe('2026-11-28T09:12:03Z reserved')
  })
})
