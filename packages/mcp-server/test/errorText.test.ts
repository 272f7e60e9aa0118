import { EXIT_STATUS, PortsError, type PortsErrorCode, portReserved } from '@ports/core'
import { expect, test } from 'vitest'
import { errorText } from '../src/errorText.js'
import { getPort } from '../src/tools/getPort.js'
import { releasePort } from '../src/tools/releasePort.js'

const OUTAGES = (Object.keys(EXIT_STATUS) as PortsErrorCode[]).filter(
  (code) => EXIT_STATUS[code] === EXIT_STATUS.DATABASE_UNAVAILABLE,
)

test.each(OUTAGES)('%s tells an agent to pick no port itself', (code) => {
  const text = errorText(new PortsError(code, 'It failed.'), getPort)
  expect(text).toContain(`${code}: It failed.\n`)
  expect(text).toContain('Do not pick a port yourself')
})

test('a bug tells an agent to pick no port itself, and nothing of the bug', () => {
  const text = errorText(new TypeError('undefined is not a function'), getPort)
  expect(text).toMatch(/^INTERNAL: get-port failed unexpectedly/)
  expect(text).toContain('Do not pick a port yourself')
  expect(text).not.toContain('undefined')
})

test('an unknown project never leads an agent to the range of another', () => {
  const error = new PortsError('PROJECT_NOT_FOUND', 'ghost has no port range.', {
    projectName: 'ghost',
  })
  const asked = errorText(error, getPort)
  expect(asked).toContain('If ghost is new, call create-range for it')
  expect(asked).toContain('Never use the name of another project')
  expect(errorText(error, releasePort)).not.toContain('create-range')
  for (const tool of [getPort, releasePort]) {
    expect(errorText(error, tool)).not.toContain('known project')
  }
})

test('a reserved number has an agent tell the reason and take another one', () => {
  const error = portReserved({
    ...{ portNumber: 3102, hostname: 'localhost', protocol: 'tcp', startPort: 3100, endPort: 3104 },
    ...{ reason: 'migration', reservedBy: 'ann', endsAt: '2099-01-31T00:00:00Z' },
  })
  expect(errorText(error, getPort)).toBe(
    'PORT_RESERVED: Port 3102 is reserved on localhost/tcp with 3100-3104 by ann until ' +
      '2099-01-31T00:00:00Z: migration. Take another number, or ask for this one despite the ' +
      'reservation.\nTell the user the reason, then call get-port with another portNumber, or ' +
      'without one.',
  )
})
