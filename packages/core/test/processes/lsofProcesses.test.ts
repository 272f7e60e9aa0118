import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onLinux, projectDirectory, skipBecause } from '@ports/testkit/vitest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Listener } from '../../src/listeners/Listeners.js'
import { readListeningSockets } from '../../src/listeners/procNet.js'
import type { Protocol } from '../../src/PortAllocation.js'
import { type UsedListener, useAt } from '../../src/processes/listeningProcesses.js'
import { lsofProcesses } from '../../src/processes/lsofProcesses.js'
import type { HostProcesses } from '../../src/processes/ProcessTable.js'
import { procProcesses } from '../../src/processes/procProcesses.js'
import { closedPort, hasIPv6, listenTcp } from '../sockets.js'

/** Debian's. */
const PROGRAMS = { lsof: '/usr/bin/lsof', ps: '/bin/ps', utf8: 'C.UTF-8', limitMs: 20_000 }
const LISTENERS = fileURLToPath(new URL('../fixtures/listeners.py', import.meta.url))

const byLsof = lsofProcesses(PROGRAMS)
const directory = mkdtempSync(join(tmpdir(), 'ports-lsof-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function withLsof(skip: (note: string) => never): void {
  onLinux(skip)
  const missing = [PROGRAMS.lsof, PROGRAMS.ps].find((program) => !existsSync(program))
  if (missing) skipBecause(skip, `${missing} is not installed (Debian's lsof and procps)`)
}

async function socketsOn(protocol: Protocol, port: number): Promise<Listener[]> {
  const sockets = await readListeningSockets(protocol)
  return sockets!.filter((each) => each.port === port)
}

async function useBy(processes: HostProcesses, sockets: readonly Listener[]) {
  const use = useAt(sockets, (await processes.readTable(sockets))!)
  // lsof does not show which of two sockets with one address belongs to which process.
  const keyOf = ({ address, pids }: UsedListener) => `${address} ${pids}`
  return {
    ...use,
    listeners: use.listeners.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)),
    processes: use.processes.toSorted((one, other) => one.pid - other.pid),
  }
}

/** Without the start times of processes, because ps rounds them. */
function untimed({ processes, ...use }: Awaited<ReturnType<typeof useBy>>) {
  return { ...use, processes: processes.map((each) => ({ ...each, startedAt: undefined })) }
}

/** A program of the test that stands in for lsof or ps. */
function script(text: string): string {
  return join(projectDirectory({ program: `#!/bin/sh\n${text}\n` }), 'program')
}

describe('lsof and /proc tell the same', () => {
  const home = join(directory, 'café \\x41 with space')
  let ports: Record<string, number> = {}
  let pid: number
  let end = async () => {}

  beforeAll(async () => {
    mkdirSync(home)
    const args = [LISTENERS, ...(hasIPv6 ? ['ipv6'] : [])]
    const child = spawn('python3', args, { cwd: home, stdio: ['pipe', 'pipe', 'inherit'] })
    pid = child.pid!
    const [text] = await once(child.stdout, 'data')
    ports = JSON.parse(text)
    end = async () => {
      child.stdin.end()
      await once(child, 'exit')
    }
  })
  afterAll(() => end())

  it.for([
    ['a socket of IPv4', 'tcp', 'tcp4'],
    ['a socket on all addresses of IPv4', 'tcp', 'any4'],
    ['a socket of UDP', 'udp', 'udp4'],
    ['a socket of UDP that is connected to a peer', 'udp', 'connected'],
    ['two sockets with one address (SO_REUSEPORT)', 'tcp', 'reused'],
    ['a socket of IPv6', 'tcp', 'tcp6'],
    ['a socket on all addresses of IPv6', 'tcp', 'any6'],
    ['a socket of both families', 'tcp', 'dual'],
    ['a socket of UDP of both families', 'udp', 'udp6'],
  ] as const)(
    'about %s that a process and its worker share',
    async ([, protocol, name], { skip }) => {
      withLsof(skip)
      if (ports[name] === undefined) skipBecause(skip, 'this machine has no IPv6')
      const sockets = await socketsOn(protocol, ports[name]!)
      const seen = await useBy(byLsof, sockets)
      expect(untimed(seen)).toEqual(untimed(await useBy(procProcesses, sockets)))
      expect(seen).toMatchObject({ isInUse: true, hasUnknownProcess: false })
      expect(seen.processes).toHaveLength(2)
      expect(seen.processes[0]).toMatchObject({ pid, directory: home })
    },
  )

  it('about several sockets at once', async ({ skip }) => {
    withLsof(skip)
    const sockets = [
      ...(await readListeningSockets('tcp'))!,
      ...(await readListeningSockets('udp'))!,
    ].filter(({ port }) => Object.values(ports).includes(port))
    const tables = [await byLsof.readTable(sockets), await procProcesses.readTable(sockets)]
    const [lsof, proc] = tables.map((table) =>
      sockets.map((each) => [each.port, each.protocol, table!.pidsOf(each).toSorted()]),
    )
    // lsof does not show which of two sockets with one address belongs to which process.
    const isReused = ([port]: readonly unknown[]) => port === ports.reused
    expect(lsof!.filter((each) => !isReused(each))).toEqual(proc!.filter((each) => !isReused(each)))
    expect(lsof!.filter(isReused)).toEqual(expect.arrayContaining(proc!.filter(isReused)))
  })

  it('about the sockets of a process and its descendants', async ({ skip }) => {
    withLsof(skip)
    const sockets = (await readListeningSockets('tcp'))!
    const seen = await byLsof.readSocketsOfTree(pid, sockets)
    expect(seen).toEqual(await procProcesses.readSocketsOfTree(pid, sockets))
    expect(new Set(seen!.map(({ port }) => port))).toContain(ports.tcp4)
    expect(await byLsof.readSocketsOfTree(process.pid, sockets)).toEqual(
      await procProcesses.readSocketsOfTree(process.pid, sockets),
    )
  })

  it('about who started a process', ({ skip }) => {
    withLsof(skip)
    expect(byLsof.readLineage().ancestorsOf(pid)).toEqual(
      procProcesses.readLineage().ancestorsOf(pid),
    )
  })

  it('about a process that is identified', async ({ skip }) => {
    withLsof(skip)
    const { started, ...seen } = (await byLsof.identify(pid))!
    const { started: _, ...same } = (await procProcesses.identify(pid))!
    expect({ ...seen, startedAt: undefined }).toEqual({ ...same, startedAt: undefined })
    expect(Math.abs(seen.startedAt!.getTime() - same.startedAt!.getTime())).toBeLessThan(3_000)
    expect(started).toBe(byLsof.readLineage().startedOf(pid))
    expect(await byLsof.identify(4_194_304)).toBeUndefined()
  })
})

it('a socket that lsof does not list has an unknown process', async ({ skip }) => {
  withLsof(skip)
  const sockets = await socketsOn('tcp', await listenTcp({ host: '127.0.0.1' }))
  // Without the rights of root, its status is always 1.
  const none = lsofProcesses({ ...PROGRAMS, lsof: script('exit 1') })
  expect(await useBy(none, sockets)).toMatchObject({
    isInUse: true,
    processes: [],
    hasUnknownProcess: true,
  })
})

it('one of two sockets with one address has an unknown process if lsof lists one', async ({
  skip,
}) => {
  withLsof(skip)
  const port = await listenTcp({ host: '127.0.0.1' })
  const sockets = await socketsOn('tcp', port)
  const table = await useBy(byLsof, [...sockets, { ...sockets[0]!, inode: 1 }])
  expect(table).toMatchObject({ processes: [{ pid: process.pid }], hasUnknownProcess: true })
})

it('the IPv4 half of a socket on :: is of the process of that socket', async ({ skip }) => {
  withLsof(skip)
  if (!hasIPv6) skipBecause(skip, 'this machine has no IPv6')
  const port = await listenTcp({ host: '::' })
  const [socket] = await socketsOn('tcp', port)
  const half = { ...socket!, address: '0.0.0.0', isIPv4OfIPv6Socket: true } as const
  const table = (await byLsof.readTable([socket!, half]))!
  expect([socket!, half].map((each) => table.pidsOf(each))).toEqual([[process.pid], [process.pid]])
  const other = { protocol: 'tcp', address: '0.0.0.0', port } as const
  expect((await byLsof.readTable([other]))!.pidsOf(other)).toEqual([])
})

describe('which process has a socket open cannot be found out', () => {
  const socket = { protocol: 'tcp', address: '127.0.0.1', port: 3000 } as const
  const limited = { ...PROGRAMS, limitMs: 300 }

  it.each([
    ['is missing', () => '/usr/bin/no-such-program'],
    ['is no program', () => directory],
    ['fails', () => script('echo "lsof: no pwd entry" >&2; exit 1')],
    ['fails otherwise', () => script('exit 2')],
    ['is killed', () => script('kill -9 $$')],
    ['hangs', () => script('exec sleep 60')],
    ['hangs, and something that it has started', () => script('sleep 5 & sleep 60')],
  ])('if lsof %s', async (_, lsof) => {
    const broken = lsofProcesses({ ...limited, lsof: lsof() })
    expect(await broken.readTable([socket])).toBeUndefined()
    expect(await broken.readSocketsOfTree(process.pid, [socket])).toBeUndefined()
  })

  it.each([
    ['is missing', () => '/usr/bin/no-such-program'],
    ['fails', () => script('echo "ps: not permitted" >&2; exit 1')],
    ['hangs', () => script('exec sleep 60')],
  ])('if ps %s', async (_, ps) => {
    const lsof = script(
      `printf 'p${process.pid}\\nf3\\ntIPv4\\nPTCP\\nn127.0.0.1:3000\\nTST=LISTEN\\n'`,
    )
    const broken = lsofProcesses({ ...limited, lsof, ps: ps() })
    expect(await broken.readTable([socket])).toBeUndefined()
    expect(await broken.readSocketsOfTree(process.pid, [socket])).toBeUndefined()
    expect(await broken.identify(process.pid)).toBeUndefined()
    expect(broken.readLineage().ancestorsOf(process.pid)).toEqual([process.pid])
    expect(broken.readLineage().startedOf(process.pid)).toBeUndefined()
  })
})

it('a process that has got its pid after lsof has looked is not described', async ({ skip }) => {
  withLsof(skip)
  const later = new Date(Date.now() + 60_000).toUTCString()
  const [, day, month, year, time] = /(\d\d) (\w{3}) (\d{4}) (\S+)/.exec(later)!
  const row = `  ${process.pid}     1     0 Sat ${month} ${day} ${time} ${year} node other.js`
  const sockets = await socketsOn('tcp', await listenTcp({ host: '127.0.0.1' }))
  const reused = lsofProcesses({ ...PROGRAMS, ps: script(`echo '${row}'`) })
  expect(await useBy(reused, sockets)).toMatchObject({ processes: [], hasUnknownProcess: true })
})

it('a port on which nothing listens asks no program', async () => {
  const broken = lsofProcesses({ ...PROGRAMS, lsof: 'no-such-program', ps: 'no-such-program' })
  expect(await socketsOn('tcp', await closedPort())).toEqual([])
  expect(await broken.readTable([])).toBeDefined()
})
