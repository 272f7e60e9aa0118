import { join } from 'node:path'
import { projectDirectory } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { isGone } from '../src/checkout/isGone.js'

test('a directory is gone if it is not there, or is a file', () => {
  const directory = projectDirectory({})
  expect(isGone(directory)).toBe(false)
  expect(isGone(join(directory, 'shop', 'main'))).toBe(true)
  expect(isGone(import.meta.filename)).toBe(true)
})

test
  .runIf(process.platform === 'linux')
  .each(['/mnt/no-such-disk/shop', '/media/ann/no-such-stick/shop'])(
  '%s may only not be mounted',
  (directory) => expect(isGone(directory)).toBe(false),
)
