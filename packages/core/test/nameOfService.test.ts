import { expect, it } from 'vitest'
import { nameOfService } from '../src/PortAllocation.js'

it.each([
  ['', 'shop/web'],
  ['login', 'shop/web@login'],
])('a service of instance %j is shown as %s', (instance, name) => {
  expect(nameOfService({ projectName: 'shop', serviceName: 'web', instance })).toBe(name)
})
