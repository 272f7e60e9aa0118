import { expect, test } from 'vitest'
import { parsePs } from '../../src/processes/psOutput.js'

/** In the format of ps(1) of macOS in the C locale, assembled from public listings. */
const OUTPUT = `    1     0     0 Fri Nov 27 16:07:17 2026 /sbin/launchd
  501     1   501 Sat Nov  8 04:30:55 2026 /Applications/My App.app/Contents/MacOS/My App --port 3000 
  502   501   501 Sat Nov  8 04:30:56 2026 
`

test('ps tells parents, users, times in UTC and command lines', () => {
  expect([...parsePs(OUTPUT).values()]).toEqual([
    {
      pid: 1,
      parent: 0,
      uid: 0,
      startedAt: new Date('2026-11-27T16:07:17Z'),
      command: '/sbin/launchd',
    },
    {
      pid: 501,
      parent: 1,
      uid: 501,
      startedAt: new Date('2026-11-08T04:30:55Z'),
      command: '/Applications/My App.app/Contents/MacOS/My App --port 3000',
    },
    { pid: 502, parent: 501, uid: 501, startedAt: new Date('2026-11-08T04:30:56Z'), command: '' },
  ])
})

test('rows in another format are left out', () => {
  const german = '  501     1   501 Sa 28 Nov 04:30:55 2026     node server.js'
  const headings = '  PID  PPID   UID STARTED                      COMMAND'
  const noDate = '  501     1   501 Sat Foo 28 04:30:55 2026 node'
  expect(parsePs([german, headings, noDate, ''].join('\n')).size).toBe(0)
})
