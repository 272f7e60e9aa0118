import { expect, it } from 'vitest'
import { skippedText } from '../src/passedOver/skippedText.js'

const numbers = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, nth) => ({ portNumber: first + nth }))

it('has one sentence for consecutive numbers that were skipped for one reason', () => {
  expect(
    skippedText(
      [
        ...numbers(3101, 3105).map((each) => ({ ...each, reason: 'reserved' as const })),
        { portNumber: 3106, reason: 'blocked' },
        ...numbers(3108, 3109).map((each) => ({ ...each, reason: 'blocked' as const })),
      ],
      [],
    ),
  ).toEqual([
    'Skipped 3101-3105: reserved.',
    'Skipped 3106: browsers and fetch refuse to open it.',
    'Skipped 3108-3109: browsers and fetch refuse to open it.',
  ])
  expect(skippedText([], [])).toEqual([])
})

it('names the protocol if it is given, and joins no numbers of two', () => {
  expect(
    skippedText(
      [
        { portNumber: 3101, protocol: 'tcp', reason: 'reserved' },
        { portNumber: 3102, protocol: 'tcp', reason: 'reserved' },
        { portNumber: 3103, protocol: 'udp', reason: 'reserved' },
      ],
      [],
    ),
  ).toEqual(['Skipped 3101-3102/tcp: reserved.', 'Skipped 3103/udp: reserved.'])
})

it('says how many more were skipped than the store names', () => {
  const named = numbers(10_000, 10_019).map((each) => ({ ...each, reason: 'busy' as const }))
  const last = { portNumber: 11_000 }
  expect(skippedText(named, [last])).toEqual([
    'Skipped 10000-10019: something unknown to the registry listens on it.',
    'Up to 980 more before 11000 were skipped. Only the first are named.',
  ])
  expect(skippedText(named, [{ portNumber: 10_020 }])).toHaveLength(1)
  expect(skippedText(named.slice(1), [last])).toHaveLength(1)
  const preferred = { portNumber: 20_000, reason: 'busy' as const }
  expect(skippedText([preferred, ...named], [last]).at(-1)).toContain('Up to 980 more before 11000')
  const udp = named.map((each) => ({ ...each, protocol: 'udp' as const }))
  expect(skippedText(udp, [{ ...last, protocol: 'tcp' }])).toHaveLength(1)
})
