import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { needs, projectDirectory } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'
import type { PassedOverRange } from '../src/passedOver/PassedOver.js'
import type { CannotSee } from '../src/passedOver/reasons.js'
import { listenTcp } from './sockets.js'

const PROGRAM = fileURLToPath(new URL('fixtures/passedOver.mjs', import.meta.url))

interface Seen {
  readonly ranges: readonly PassedOverRange[]
  readonly cannotSee: readonly CannotSee[]
}

/** What the program sees at the end of a script that runs in new namespaces. */
function seenIn(namespaces: readonly string[], script: string): Seen {
  const { stdout, stderr, status } = spawnSync('unshare', [...namespaces, 'sh', '-ec', script], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, NODE: process.execPath, PROGRAM },
  })
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout)
}

const ofReason = ({ ranges }: Seen, wanted: string) =>
  ranges
    .filter(({ reason }) => reason === wanted)
    .map(({ startPort, endPort }) => `${startPort}-${endPort}`)

describe('in a network namespace of its own', () => {
  test('the kernel’s settings there count, where the services are there', ({ skip }) => {
    needs(skip, 'unshare', '-n', 'true')
    const seen = seenIn(
      ['-n'],
      `cd /proc/sys/net/ipv4
       echo 20000 20999 >ip_local_port_range
       echo 3105,3200-3209,20500-20599 >ip_local_reserved_ports
       "$NODE" "$PROGRAM" here`,
    )
    expect(seen.cannotSee).toEqual([])
    expect(ofReason(seen, 'ephemeral')).toEqual(['20000-20499', '20600-20999'])
    expect(ofReason(seen, 'kernel-reserved')).toEqual(['3105-3105', '3200-3209'])
  })

  test('only what listens there is busy', async ({ skip }) => {
    needs(skip, 'unshare', '-n', 'true')
    const outside = await listenTcp({ host: '0.0.0.0' })
    const seen = seenIn(
      ['-n'],
      `"$NODE" -e '
         require("node:net").createServer().listen(3105, "0.0.0.0", () => {
           const { status } = require("node:child_process")
             .spawnSync(process.env.NODE, [process.env.PROGRAM, "here"], { stdio: "inherit" })
           process.exit(status)
         })'`,
    )
    expect(ofReason(seen, 'busy')).toEqual(['3105-3105'])
    expect(outside).not.toBe(3105)
  })

  test('nothing of the host is passed over, and that is told, where its services are elsewhere', ({
    skip,
  }) => {
    needs(skip, 'unshare', '-n', 'true')
    const seen = seenIn(['-n'], '"$NODE" "$PROGRAM"')
    expect(seen.cannotSee).toEqual(['other-network'])
    expect(new Set(seen.ranges.map(({ reason }) => reason))).toEqual(new Set(['blocked']))
  })
})

describe('where the kernel shows less', () => {
  const OWN_MOUNTS = ['-m', '--propagation', 'private']

  test('empty tables make nothing busy, and that is told', ({ skip }) => {
    needs(skip, 'unshare', ...OWN_MOUNTS, 'true')
    const settings = projectDirectory({})
    const seen = seenIn(
      OWN_MOUNTS,
      `mount --bind /proc/sys ${settings}
       mount -t tmpfs tmpfs /proc
       mkdir /proc/net /proc/sys
       mount --bind ${settings} /proc/sys
       for table in tcp tcp6 udp udp6; do : >/proc/net/$table; done
       "$NODE" "$PROGRAM" here`,
    )
    expect(seen.cannotSee).toEqual(['tables-unreadable'])
    expect(ofReason(seen, 'busy')).toEqual([])
    expect(ofReason(seen, 'ephemeral')).not.toEqual([])
  })

  test('hidden settings leave the ephemeral range out, and that is told', async ({ skip }) => {
    needs(skip, 'unshare', ...OWN_MOUNTS, 'true')
    const port = await listenTcp({ host: '127.0.0.1' })
    const seen = seenIn(
      OWN_MOUNTS,
      'mount -t tmpfs tmpfs /proc/sys/net/ipv4; "$NODE" "$PROGRAM" here',
    )
    expect(seen.cannotSee).toEqual(['settings-unreadable'])
    expect(ofReason(seen, 'ephemeral')).toEqual([])
    const isOver = ({ startPort, endPort }: PassedOverRange) => startPort <= port && port <= endPort
    expect(seen.ranges.filter(isOver).map(({ reason }) => reason)).toEqual(['busy'])
  })

  test('without /proc nothing of the host is passed over, and all of it is told', ({ skip }) => {
    needs(skip, 'unshare', ...OWN_MOUNTS, 'true')
    const seen = seenIn(OWN_MOUNTS, 'umount -l /proc; "$NODE" "$PROGRAM" here')
    expect(seen.cannotSee).toEqual(['tables-unreadable', 'settings-unreadable'])
    expect(new Set(seen.ranges.map(({ reason }) => reason))).toEqual(new Set(['blocked']))
  })
})
