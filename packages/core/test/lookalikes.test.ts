import { describe, expect, it } from 'vitest'
import { lookalikes, probablyMeant } from '../src/nearestNames.js'

it.each([
  ['web', 'Web', true],
  ['WEB', 'web', true],
  ['db', 'DB', true],
  ['worker', 'workers', true],
  ['websocket', 'webocket', true],
  ['Worker', 'workes', true],
  ['web', 'api', false],
  ['web', 'webxy', false],
  ['db', 'dc', false],
  ['a', 'ab', false],
  ['worker-1', 'worker-2', false],
  ['worker', 'worker2', false],
  ['web1', 'wes1', true],
])('%s and %s are lookalikes: %s', (name, known, expected) => {
  expect(lookalikes(name, ['other', known])).toEqual(expected ? [known] : [])
  expect(lookalikes(known, [name, known])).toEqual(expected ? [name] : [])
})

describe('the name that was probably meant', () => {
  it.each([
    ['Consilio', 'consilio'],
    ['CONSILIO', 'consilio'],
    ['consilo', 'consilio'],
    ['ODIN', 'odin'],
    ['odim', 'odin'],
    ['db', undefined],
    ['myapp', undefined],
    ['', undefined],
  ])('by %j is %j', (name, expected) => {
    expect(probablyMeant(name, ['shop', 'consilio', 'odin'])).toBe(expected)
  })

  it('is the nearest of several, and none where there are no names', () => {
    expect(probablyMeant('services', ['service-1', 'service', 'Services-'])).toBe('service')
    expect(probablyMeant('service', [])).toBeUndefined()
  })
})
