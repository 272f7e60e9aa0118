import { PortManager } from '@ports/core'
import { openRepository } from '@ports/db'
import { expect, test } from 'vitest'
import { emptyDatabase, freshDatabase } from '../../../test/database.js'
import { connect, NO_DATABASE } from './connect.js'

const service = { projectName: 'consilio', serviceName: 'api' }

const BAD_NAMES = {
  empty: '',
  blank: '   ',
  'of 300 characters': 'a'.repeat(300),
  'with a control character': 'a\u001bb',
  'with NUL': 'a\0b',
  'with SQL': "'; drop table port_allocations; --",
  'with an emoji': 'api🚀',
  'that climbs': '../api',
  'that is a number': 42,
  'that is null': null,
  'that is an object': { name: 'api' },
}

const BAD_VALUES: [tool: string, field: string, value: unknown][] = [
  ...[0, 65536, -1, 3.5, 'abc', null].flatMap((portNumber) => [
    ['release-port', 'portNumber', portNumber] as [string, string, unknown],
    ['update-port', 'portNumber', portNumber] as [string, string, unknown],
  ]),
  ['get-port', 'protocol', 'sctp'],
  ['port-summary', 'protocol', 'sctp'],
  ['release-port', 'protocol', 'TCP'],
  ['get-port', 'hostname', 'http://example.com:80'],
  ['allocate-port', 'hostname', 'a..b'],
  ['update-port', 'hostname', ''],
  ['get-port', 'description', 'a'.repeat(5000)],
  ['get-port', 'description', 'a\0b'],
  ['get-port', 'cloudflareHostname', 'not a host'],
  ['get-port', 'portNumber', 3100],
  ['get-port', 'color', 'red'],
]

test('refuses names outside the alphabet without a database', async () => {
  const { failure } = await connect(NO_DATABASE)
  for (const value of Object.values(BAD_NAMES)) {
    for (const field of ['projectName', 'serviceName']) {
      for (const tool of ['get-port', 'allocate-port', 'release-port', 'update-port']) {
        const text = await failure(tool, { ...service, [field]: value })
        expect(text).toMatch(new RegExp(`^INVALID_ARGUMENT: ${field} is .*, but must be .*\\.\\n`))
        expect(text).toContain(`call ${tool} again`)
      }
    }
    for (const tool of ['list-ports', 'port-summary']) {
      expect(await failure(tool, { projectName: value })).toMatch(/^INVALID_ARGUMENT: projectName /)
    }
  }
})

test.each(BAD_VALUES)('%s refuses %s %j without a database', async (tool, field, value) => {
  const { failure } = await connect(NO_DATABASE)
  const required = tool === 'port-summary' ? { projectName: 'consilio' } : service
  const text = await failure(tool, { ...required, [field]: value })
  expect(text).toMatch(new RegExp(`^INVALID_ARGUMENT: ${field} is .*, but must be `))
})
