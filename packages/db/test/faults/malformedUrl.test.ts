import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  databaseStatus,
  migrate,
  openRepository,
  seed,
  startDatabase,
  stopDatabase,
} from '../../src/index.js'
import { ENTRY_POINT_LIST, expectRefusal } from './registry.js'

describe('a malformed URL', () => {
  const MALFORMED = [
    'ports',
    'localhost:5432/ports',
    '//ports:hunter2@localhost/ports',
    'mysql://ports:hunter2@localhost/ports',
    'http://ports:hunter2@localhost/ports',
    'postgresql//ports:hunter2@localhost/ports',
    'postgresql://ports:hunter2@localhost:65536/ports',
    'postgresql://ports:hunter2@localhost:5432x/ports',
    // Not UTF-8, as a password that was not encoded may look like.
    'postgresql://ports:hunter2%ff@localhost/ports',
    // A password whose / ? or # was not encoded, and that begins as a port number does.
    'postgresql://ports:1234/hunter2@localhost/ports',
    'postgresql://ports:1234?hunter2@localhost/ports',
    'postgresql://ports:1234#hunter2@localhost/ports',
    'postgresql://ports:/hunter2@localhost/ports',
    'postgresql://ports:1/hunter2:localhost',
    // The driver's parameter, which it takes before the URL's own.
    'postgresql://ports:hunter2@localhost/ports?port=99999',
    'postgresql://ports:hunter2@localhost/ports?port=abc',
  ]

  it.each(
    MALFORMED.flatMap((malformed) =>
      ENTRY_POINT_LIST.map(([name, open]) => [malformed, name, open] as const),
    ),
  )('%s, is an invalid argument to %s', async (malformed, _name, open) => {
    const error = await expectRefusal(open(malformed), 'INVALID_ARGUMENT')
    expect(error.details).toMatchObject({ field: 'url' })
    expect(error.message).toContain('postgresql://')
    expect(inspect(error, { depth: null })).not.toContain('hunter2')
  })

  it.each(MALFORMED)('%s, is an invalid argument in the environment', async (malformed) => {
    vi.stubEnv('PORTS_DATABASE_URL', malformed)
    onTestFinished(() => void vi.unstubAllEnvs())
    for (const open of [
      openRepository,
      migrate,
      seed,
      databaseStatus,
      startDatabase,
      stopDatabase,
    ]) {
      const error = await expectRefusal(open(), 'INVALID_ARGUMENT')
      expect(error.details).toMatchObject({ field: 'PORTS_DATABASE_URL' })
      expect(inspect(error, { depth: null })).not.toContain('hunter2')
    }
  })
})
