import { freshDatabase } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { connect } from './connect.js'

test('an agent that meets an unknown project is told of create-range, which makes its range once', async () => {
  const { ask, failure } = await connect(await freshDatabase())
  const service = { projectName: 'myapp', serviceName: 'api' }
  expect(await failure('get-port', service)).toContain(
    'If myapp is new, call create-range for it, then get-port again.',
  )
  const range = { projectName: 'myapp', startPort: 3600, endPort: 3699 }
  expect(await ask('create-range', { projectName: 'myapp' })).toEqual({
    ...range,
    created: true,
    message: 'myapp now has the range 3600-3699.',
  })
  expect(await ask('create-range', { projectName: 'myapp', size: 10 })).toEqual({
    ...range,
    created: false,
    message: 'myapp has a range already: 3600-3699.',
  })
  expect(await ask('get-port', service)).toMatchObject({ port: 3600 })
})

test('create-range takes sizes up to 1,000', async () => {
  const { ask, failure } = await connect(await freshDatabase())
  expect(await ask('create-range', { projectName: 'large', size: 1000 })).toMatchObject({
    startPort: 10_000,
    endPort: 10_999,
  })
  expect(await failure('create-range', { projectName: 'larger', size: 1001 })).toContain(
    'size is 1001',
  )
})
