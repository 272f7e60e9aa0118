import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { KernelPorts } from '../src/listeners/kernelPorts.js'
import type { PortManagerOptions } from '../src/options.js'
import type { Protocol } from '../src/PortAllocation.js'
import { PortManager } from '../src/PortManager.js'
import { BLOCKED_PORTS } from '../src/passedOver/blockedPorts.js'
import { PassedOverReader } from '../src/passedOver/PassedOverReader.js'
import { passedOverOnThisHost } from '../src/passedOver/passedOverOnHost.js'
import { platformPorts } from '../src/passedOver/platformPorts.js'
import { CANNOT_SEE, PASS_OVER_REASONS } from '../src/passedOver/reasons.js'
import { readSysctl } from '../src/passedOver/sysctl.js'
import { bindUdp, closedPort, connectTcp, connectUdp, hasIPv6, listenTcp } from './sockets.js'
import { untouchedStore } from './untouchedStore.js'

const observable = process.platform === 'linux' || process.platform === 'darwin'

function stubPassOver(value: string | undefined): void {
  vi.stubEnv('PORTS_PASS_OVER', value)
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
}

// Everything else is tested with it set to `none`.
beforeEach(() => stubPassOver(undefined))

const managerOf = (options: PortManagerOptions = {}) =>
  new PortManager(untouchedStore, { hostname: 'localhost', ...options })

const reasonHere = async (port: number, protocol: Protocol = 'tcp') =>
  (await managerOf().passedOver({ protocol })).reasonFor(port)

describe('the reasons', () => {
  const seen = { listening: [3105, 6000, 40_001], seesServices: true, platform: 'linux' } as const
  const kernelPorts: KernelPorts = {
    ephemeral: { startPort: 32_768, endPort: 60_999 },
    reserved: [
      { startPort: 3110, endPort: 3112 },
      { startPort: 40_000, endPort: 40_009 },
      { startPort: 60_990, endPort: 61_010 },
    ],
  }
  const tcp = passedOverOnThisHost({ ...seen, protocol: 'tcp', kernelPorts })
  const udp = passedOverOnThisHost({ ...seen, protocol: 'udp', kernelPorts })
  const onMac = passedOverOnThisHost({ ...seen, protocol: 'tcp', platform: 'darwin', kernelPorts })

  it.each([
    ['a number like others', 3100, { tcp: undefined, udp: undefined }],
    ['one on which something listens', 3105, { tcp: 'busy', udp: 'busy' }],
    ['one that is blocked', 3659, { tcp: 'blocked', udp: undefined }],
    ['one that is blocked, and listened on', 6000, { tcp: 'busy', udp: 'busy' }],
    ['the first of the ephemeral range', 32_768, { tcp: 'ephemeral', udp: 'ephemeral' }],
    ['the number before it', 32_767, { tcp: undefined, udp: undefined }],
    ['the last of the ephemeral range', 60_989, { tcp: 'ephemeral', udp: 'ephemeral' }],
    ['the first reserved', 3110, { tcp: 'kernel-reserved', udp: 'kernel-reserved' }],
    ['the last reserved', 3112, { tcp: 'kernel-reserved', udp: 'kernel-reserved' }],
    ['the number after it', 3113, { tcp: undefined, udp: undefined }],
    ['one reserved in the ephemeral range', 40_000, { tcp: undefined, udp: undefined }],
    ['one reserved there, and listened on', 40_001, { tcp: 'busy', udp: 'busy' }],
    ['one reserved across its end', 60_999, { tcp: undefined, udp: undefined }],
    ['one reserved beyond its end', 61_000, { tcp: 'kernel-reserved', udp: 'kernel-reserved' }],
    ['one of macOS, elsewhere', 5000, { tcp: undefined, udp: undefined }],
  ])('of %s: %i', (_what, port, expected) => {
    expect({ tcp: tcp.reasonFor(port), udp: udp.reasonFor(port) }).toEqual(expected)
  })

  it('of 5000 and 7000 are that macOS listens on them, for TCP', () => {
    expect([5000, 7000].map((port) => onMac.reasonFor(port))).toEqual(['platform', 'platform'])
    expect([5001, 7001].map((port) => onMac.reasonFor(port))).toEqual([undefined, undefined])
    const { ranges } = passedOverOnThisHost({
      ...seen,
      protocol: 'udp',
      platform: 'darwin',
      kernelPorts,
    })
    expect(ranges.filter(({ reason }) => reason === 'platform')).toEqual([])
    expect(platformPorts('linux')).toEqual([])
  })

  it('are each told in words, and so is each thing that cannot be seen', () => {
    expect(PASS_OVER_REASONS).toMatchInlineSnapshot(`
      {
        "blocked": "browsers and fetch refuse to open it",
        "busy": "something unknown to the registry listens on it",
        "ephemeral": "the kernel may give it to an outgoing connection",
        "kernel-reserved": "the kernel keeps it for an application (ip_local_reserved_ports)",
        "platform": "macOS listens on it for AirPlay",
      }
    `)
    expect(CANNOT_SEE).toMatchInlineSnapshot(`
      {
        "other-network": "Numbers on which something listens, and those that the kernel may give to an outgoing connection, are not passed over: this process is not in the network namespace of the host's services, as in a sandbox or a container.",
        "settings-unreadable": "Numbers that the kernel may give to an outgoing connection are not passed over: this process cannot read the kernel's settings.",
        "tables-unreadable": "Numbers on which something listens are not passed over: this process cannot read the kernel's socket tables, as in a sandbox that hides /proc.",
      }
    `)
  })

  it('are told with the ranges, in the order in which they count', () => {
    const reasons = onMac.ranges.map(({ reason }) => reason)
    expect([...new Set(reasons)]).toEqual(Object.keys(PASS_OVER_REASONS))
    expect(tcp.ranges).toContainEqual({ startPort: 6665, endPort: 6669, reason: 'blocked' })
    expect(tcp.ranges).toContainEqual({ startPort: 3110, endPort: 3112, reason: 'kernel-reserved' })
  })

  it('are of nothing that this process cannot see', () => {
    const at = (port: number, query: Parameters<typeof passedOverOnThisHost>[0]) =>
      passedOverOnThisHost(query).reasonFor(port)
    const query = { ...seen, protocol: 'tcp', kernelPorts } as const
    const elsewhere = { ...query, seesServices: false }
    expect([3105, 3110, 32_768, 3659].map((port) => at(port, elsewhere))).toEqual([
      undefined,
      undefined,
      undefined,
      'blocked',
    ])
    expect(passedOverOnThisHost(query).cannotSee).toEqual([])
    expect(passedOverOnThisHost(elsewhere).cannotSee).toEqual(['other-network'])
    const hidden = { ...query, listening: undefined }
    expect(passedOverOnThisHost(hidden).cannotSee).toEqual(['tables-unreadable'])
    expect(at(32_768, hidden)).toBe('ephemeral')
    const unset = { ...query, kernelPorts: undefined }
    expect(passedOverOnThisHost(unset).cannotSee).toEqual(['settings-unreadable'])
    expect(at(3105, unset)).toBe('busy')
    expect(
      passedOverOnThisHost({ ...hidden, ...unset, listening: undefined, seesServices: false })
        .cannotSee,
    ).toEqual(['tables-unreadable', 'settings-unreadable'])
  })
})

describe('blocked ports', () => {
  it('are those that Node’s fetch refuses to open', async () => {
    const highest = BLOCKED_PORTS.at(-1)!
    const refused: number[] = []
    // It refuses a bad port before it hands the request on, and nothing is sent to the others.
    const dispatcher = {
      dispatch() {
        throw new Error('It would be opened')
      },
    }
    for (let port = 1; port <= highest + 100; port += 1) {
      const init = { dispatcher } as unknown as RequestInit
      const { cause } = await fetch(`http://127.0.0.1:${port}`, init).then(
        () => expect.unreachable('nothing answers'),
        (error) => error,
      )
      if (cause?.message === 'bad port') refused.push(port)
    }
    expect(refused).toEqual(BLOCKED_PORTS)
  })

  it('are all that is passed over on another host', async () => {
    const port = await listenTcp({ host: '0.0.0.0' })
    const elsewhere = await managerOf().passedOver({ hostname: 'beta' })
    expect(elsewhere.reasonFor(port)).toBeUndefined()
    expect(new Set(elsewhere.ranges.map(({ reason }) => reason))).toEqual(new Set(['blocked']))
    expect(elsewhere.cannotSee).toEqual([])
    const udp = await managerOf().passedOver({ hostname: 'beta', protocol: 'udp' })
    expect(udp.ranges).toEqual([])
  })
})

describe.runIf(observable)('numbers on which something listens', () => {
  it.each(['127.0.0.1', '0.0.0.0', ...(hasIPv6 ? ['::1', '::'] : [])])(
    'are passed over, for TCP alone: %s',
    async (host) => {
      const port = await listenTcp({ host })
      expect(await reasonHere(port)).toBe('busy')
      expect(await reasonHere(port, 'udp')).not.toBe('busy')
    },
  )

  it('are passed over for UDP alone, connected or not', async () => {
    const peer = await bindUdp('udp4', '127.0.0.1')
    const connected = await connectUdp('127.0.0.1', peer)
    for (const port of [peer, connected]) {
      expect(await reasonHere(port, 'udp')).toBe('busy')
      expect(await reasonHere(port)).not.toBe('busy')
    }
  })

  it('are passed over under every name and address of this host', async () => {
    const port = await listenTcp({ host: '127.0.0.1' })
    const manager = managerOf({ hostname: 'alpha' })
    for (const hostname of [undefined, 'alpha', 'localhost', '127.0.0.1', '::1']) {
      expect((await manager.passedOver({ hostname })).reasonFor(port), hostname).toBe('busy')
    }
  })

  it('are no longer passed over once nothing listens', async () => {
    expect(await reasonHere(await closedPort())).not.toBe('busy')
  })

  it('are all seen, among many and behind many connections', async () => {
    const hosts = ['127.0.0.1', ...(hasIPv6 ? ['::1'] : [])]
    const ports = await Promise.all(
      Array.from({ length: 100 }, (_, nth) => listenTcp({ host: hosts[nth % hosts.length] })),
    )
    await Promise.all(ports.map((port, nth) => connectTcp(hosts[nth % hosts.length]!, port)))
    const passedOver = await managerOf().passedOver()
    expect(ports.filter((port) => passedOver.reasonFor(port) !== 'busy')).toEqual([])
  })
})

describe('a look at this host', () => {
  it('is shared by all who ask while it is under way, and kept for nobody else', async () => {
    const reader = new PassedOverReader(async () => true)
    const [first, second, udp] = await Promise.all([
      reader.read('tcp'),
      reader.read('tcp', new AbortController().signal),
      reader.read('udp'),
    ])
    expect(second).toBe(first)
    expect(udp).not.toBe(first)
    expect(await reader.read('tcp')).not.toBe(first)
  })

  it('goes on for the others when one of them is aborted', async () => {
    let place = (_here: boolean) => {}
    const placed = new Promise<boolean>((resolve) => {
      place = resolve
    })
    const reader = new PassedOverReader(() => placed)
    const controller = new AbortController()
    const first = reader.read('tcp', controller.signal)
    const second = reader.read('tcp')
    const reason = new Error('no longer wanted')
    controller.abort(reason)
    await expect(first).rejects.toBe(reason)
    place(true)
    expect((await second).reasonFor(6666)).toBe('blocked')
  })

  it('that fails is not kept', async () => {
    let asked = 0
    const reader = new PassedOverReader(async () => {
      asked += 1
      if (asked === 1) throw new Error('no answer')
      return true
    })
    await expect(reader.read('tcp')).rejects.toThrow('no answer')
    expect((await reader.read('tcp')).cannotSee).not.toContain('other-network')
  })

  it.runIf(observable)('shows to all who ask at once what listened before', async () => {
    const manager = managerOf()
    for (let turn = 0; turn < 5; turn += 1) {
      const port = await listenTcp({ host: '127.0.0.1' })
      const all = await Promise.all(Array.from({ length: 32 }, () => manager.passedOver()))
      expect(all.filter((each) => each.reasonFor(port) !== 'busy')).toEqual([])
    }
  })
})

describe('macOS’s ephemeral range', () => {
  async function sysctl(script: string): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'sysctl-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    const program = join(directory, 'sysctl')
    await writeFile(program, `#!/bin/sh\n${script}\n`)
    await chmod(program, 0o755)
    return program
  }

  it('is what its sysctl prints for the first and the last number', async () => {
    const program = await sysctl(
      `[ "$*" = '-n net.inet.ip.portrange.first net.inet.ip.portrange.last' ] && echo 49152 && echo 65535`,
    )
    expect(await readSysctl(program)).toEqual({
      ephemeral: { startPort: 49_152, endPort: 65_535 },
      reserved: [],
    })
  })

  it('is unknown where its sysctl fails, prints something else or is missing', async () => {
    expect(await readSysctl(await sysctl('exit 1'))).toBeUndefined()
    expect(await readSysctl(await sysctl('echo unknown oid'))).toBeUndefined()
    expect(await readSysctl(join(tmpdir(), 'no-such-sysctl'))).toBeUndefined()
  })
})

describe('passOver', () => {
  it('none passes over nothing: from the environment, of the manager, of a call', async () => {
    const nothing = { ranges: [], cannotSee: [] }
    expect(await managerOf({ passOver: 'none' }).passedOver()).toMatchObject(nothing)
    expect(await managerOf().passedOver({ passOver: 'none' })).toMatchObject(nothing)
    stubPassOver('none')
    expect(await managerOf().passedOver()).toMatchObject(nothing)
  })

  it('is on where it is not given', async () => {
    stubPassOver('')
    const passOver = '' as 'none'
    const passedOver = await managerOf({ passOver }).passedOver({ passOver })
    expect(passedOver.reasonFor(6666)).toBe('blocked')
  })

  it.each(['None', 'off', 'false', 'all', 'blocked', ' none', 0, false, ['none']])(
    'cannot be %j',
    async (value) => {
      const passOver = value as 'none'
      const refusal = (field: string) => ({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(`^${field} is .+, but must be none, or left out\\.$`),
        details: { field, value },
      })
      expect(() => managerOf({ passOver })).toThrow(expect.objectContaining(refusal('passOver')))
      for (const call of [
        managerOf().passedOver({ passOver }),
        managerOf().getOrAllocate('shop', 'web', { passOver }),
        managerOf().allocate('shop', 'web', { passOver }),
      ]) {
        await expect(call).rejects.toMatchObject(refusal('passOver'))
      }
      if (typeof value !== 'string') return
      stubPassOver(value)
      expect(() => managerOf()).toThrow(expect.objectContaining(refusal('PORTS_PASS_OVER')))
    },
  )

  it('of a call is refused even where the manager has it', async () => {
    const call = managerOf({ passOver: 'none' }).passedOver({ passOver: 'off' as 'none' })
    await expect(call).rejects.toMatchObject({ details: { field: 'passOver', value: 'off' } })
  })

  it('lets a call be aborted, with the signal’s reason', async () => {
    const reason = new Error('no longer wanted')
    const aborted = managerOf().passedOver({ signal: AbortSignal.abort(reason) })
    await expect(aborted).rejects.toBe(reason)
    const controller = new AbortController()
    const call = managerOf().passedOver({ signal: controller.signal })
    controller.abort(reason)
    await expect(call).rejects.toBe(reason)
  })
})
