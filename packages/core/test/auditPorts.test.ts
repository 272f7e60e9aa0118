import { onLinux, skipBecause } from '@ports/testkit/vitest'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { HealthCheck } from '../src/audit/Audit.js'
import { auditPorts as auditAll } from '../src/audit/auditPorts.js'
import { LocalHost } from '../src/localHost.js'
import type { PortAllocation } from '../src/PortAllocation.js'
import type { PortRepository } from '../src/PortRepository.js'
import { bindUdp, closedPort, connectTcp, listenTcp } from './sockets.js'
import { untouchedStore } from './untouchedStore.js'

let nextId = 1

function held(portNumber: number, more: Partial<PortAllocation> = {}): PortAllocation {
  return {
    id: String(nextId++),
    projectName: 'shop',
    serviceName: 'web',
    instance: '',
    hostname: 'localhost',
    protocol: 'tcp',
    portNumber,
    status: 'allocated',
    allocatedAt: new Date(),
    ...more,
  }
}

/** A store that lists these and keeps the checks in `recorded`. Any other call fails the test. */
function storeOf(...allocations: PortAllocation[]) {
  const recorded: HealthCheck[][] = []
  const store: PortRepository = Object.assign(Object.create(untouchedStore), {
    list: async () => ({ allocations, total: allocations.length }),
    recordChecks: async (checks: HealthCheck[]) => {
      recorded.push(checks)
    },
    networkOf: async (_hostname: string, network: string) => network,
    listRanges: async () => [],
    listCheckouts: async () => [],
    listProcesses: async () => [],
    healthOf: async () => new Map(),
  })
  return { store, open: async () => store, recorded }
}

const localHost = new LocalHost()

/** Without the conflicts about ephemeral numbers, because a test listens on these. */
async function auditPorts(...args: Parameters<typeof auditAll>) {
  const result = await auditAll(...args)
  return { ...result, conflicts: result.conflicts.filter(({ kind }) => kind !== 'ephemeral') }
}

/** A machine for which every host is another machine, even 127.0.0.1. */
const stranger = Object.assign(new LocalHost(), { is: () => false })

describe('auditPorts', () => {
  it('says what listens, what does not, and what is unknown', async () => {
    const closed = await closedPort()
    const allocations = [
      held(await listenTcp({ host: '127.0.0.1' })),
      held(closed, { serviceName: 'api', instance: 'login' }),
      held(await bindUdp('udp4', '127.0.0.1'), { protocol: 'udp' }),
      held(closed, { projectName: 'blog', protocol: 'udp' }),
      held(3000, { hostname: 'no-such-host.invalid' }),
      held(3000, { hostname: 'no-such-host.invalid', protocol: 'udp' }),
    ]
    const { open, recorded } = storeOf(...allocations)
    expect(await auditPorts(open, localHost, {})).toEqual({
      allocated: 6,
      inUse: 2,
      notRunning: 2,
      unverified: 2,
      conflicts: [
        {
          port: closed,
          expected: 'shop/api@login',
          kind: 'not-running',
          actual: 'not running',
          hostname: 'localhost',
          protocol: 'tcp',
        },
        {
          port: closed,
          expected: 'blog/web',
          kind: 'not-running',
          actual: 'not running',
          hostname: 'localhost',
          protocol: 'udp',
        },
      ],
      unverifiedPorts: [
        {
          port: 3000,
          expected: 'shop/web',
          actual: 'unverified',
          hostname: 'no-such-host.invalid',
          protocol: 'tcp',
          reason: 'name-not-resolved',
        },
        {
          port: 3000,
          expected: 'shop/web',
          actual: 'unverified',
          hostname: 'no-such-host.invalid',
          protocol: 'udp',
          reason: 'udp-of-another-host',
        },
      ],
    })
    const verdicts = [
      'listening',
      'not-listening',
      'listening',
      'not-listening',
      'unknown',
      'unknown',
    ]
    expect(recorded.map((checks) => checks.map(({ process: _, ...check }) => check))).toEqual([
      allocations.map(({ id }, index) => ({ allocationId: id, verdict: verdicts[index] })),
    ])
    const seen = expect.objectContaining({ pid: process.pid, whose: 'unattributed' })
    const processes = recorded.flat().map((check) => check.process)
    expect(processes).toEqual([seen, undefined, seen, undefined, undefined, undefined])
  })

  it('tells a number that a connection holds from one that nothing has', async () => {
    const { port } = await connectTcp('127.0.0.1', await listenTcp({ host: '127.0.0.1' }))
    expect(await auditPorts(storeOf(held(port)).open, localHost, {})).toMatchObject({
      notRunning: 1,
      conflicts: [{ port, actual: 'held by a connection' }],
    })
  })

  it('tells what another user has in use from what is one’s own', async ({ skip }) => {
    const uid = 65534
    if (process.platform !== 'linux' || process.getuid!() !== 0) {
      skipBecause(skip, 'only root on Linux can listen as another user and see it')
    }
    process.seteuid!(uid)
    const port = await listenTcp({ host: '127.0.0.1' }).finally(() => process.seteuid!(0))
    const auditOf = (ownerUid?: number) =>
      auditPorts(storeOf(held(port)).open, localHost, {}, ownerUid)
    expect(await auditOf(uid + 1)).toEqual({
      allocated: 1,
      inUse: 1,
      notRunning: 0,
      unverified: 0,
      conflicts: [
        {
          port,
          expected: 'shop/web',
          kind: 'stranger',
          actual: 'in use by another user',
          uid,
          process: expect.objectContaining({ pid: process.pid, whose: 'unattributed' }),
          hostname: 'localhost',
          protocol: 'tcp',
        },
      ],
      unverifiedPorts: [],
    })
    const inUse = { inUse: 1, conflicts: [] }
    expect(await auditOf(uid)).toMatchObject(inUse)
    expect(await auditOf(undefined)).toMatchObject(inUse)
    // Root listens for everybody, but only on its own address.
    const ofRoot = await listenTcp({ host: '127.0.0.1' })
    expect(await auditPorts(storeOf(held(ofRoot)).open, localHost, {}, uid)).toMatchObject(inUse)
    await listenTcp({ host: '127.0.0.2', port })
    expect(await auditOf(uid + 1)).toMatchObject({
      conflicts: [{ actual: 'also in use by another user', uid }],
    })
  })

  it('sees none of this host’s services from another network namespace', async () => {
    const port = await listenTcp({ host: '127.0.0.1' })
    const { store, recorded } = storeOf(held(port), held(port, { protocol: 'udp' }))
    const elsewhere = Object.assign(Object.create(store), { networkOf: async () => 'elsewhere/1' })
    expect(await auditPorts(async () => elsewhere, localHost, {})).toMatchObject({
      inUse: 0,
      notRunning: 0,
      unverified: 2,
      conflicts: [],
      unverifiedPorts: [{ reason: 'other-network' }, { reason: 'other-network' }],
    })
    expect(recorded.flat().map(({ verdict }) => verdict)).toEqual(['unknown', 'unknown'])
  })

  it('connects to the ports of other hosts, and keeps the order of the list', async () => {
    const listening = await listenTcp({ host: '127.0.0.1' })
    const closed = await closedPort()
    // More ports than are probed at once.
    const allocations = Array.from({ length: 150 }, (_, nth) =>
      held(nth % 3 === 0 ? closed : listening, {
        hostname: '127.0.0.1',
        serviceName: `service-${nth}`,
      }),
    )
    const { open } = storeOf(...allocations)
    const result = await auditPorts(open, stranger, { timeoutMs: 30_000 })
    expect(result).toMatchObject({ allocated: 150, inUse: 100, notRunning: 50, unverified: 0 })
    expect(result.conflicts.map(({ expected }) => expected)).toEqual(
      Array.from({ length: 50 }, (_, nth) => `shop/service-${3 * nth}`),
    )
  })

  it('raises no warning of a leak when many connections can be aborted', async () => {
    const warnings: Error[] = []
    const warned = (warning: Error) => warnings.push(warning)
    process.on('warning', warned)
    onTestFinished(() => {
      process.off('warning', warned)
    })
    const closed = await closedPort()
    const allocations = Array.from({ length: 100 }, () => held(closed, { hostname: '127.0.0.1' }))
    const { signal } = new AbortController()
    await auditPorts(storeOf(...allocations).open, stranger, { signal })
    expect(warnings).toEqual([])
  })

  it('stops connecting when it is aborted', async () => {
    const reason = new Error('No longer wanted')
    const controller = new AbortController()
    const closed = await closedPort()
    const allocations = Array.from({ length: 100 }, () => held(closed, { hostname: '127.0.0.1' }))
    const { open, recorded } = storeOf(...allocations)
    const audit = auditPorts(open, stranger, {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    })
    await expect(audit).rejects.toBe(reason)
    expect(recorded).toEqual([])
  })

  it('is all zeros in an empty registry', async () => {
    const { open, recorded } = storeOf()
    expect(await auditPorts(open, localHost, {})).toEqual({
      allocated: 0,
      inUse: 0,
      notRunning: 0,
      unverified: 0,
      conflicts: [],
      unverifiedPorts: [],
    })
    expect(recorded).toEqual([[]])
  })

  it('tells its progress after each allocation', async () => {
    const { open } = storeOf(held(1), held(2), held(3000, { hostname: 'no-such-host.invalid' }))
    const progress: [number, number][] = []
    await auditPorts(open, localHost, { onProgress: (...step) => progress.push(step) })
    expect(progress).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ])
  })

  it("records nothing when it is aborted, and rejects with the signal's reason", async () => {
    const reason = new Error('No longer wanted')
    for (const abortAt of [1, 100, 150]) {
      const { open, recorded } = storeOf(...Array.from({ length: 150 }, (_, nth) => held(nth + 1)))
      const controller = new AbortController()
      const audit = auditPorts(open, localHost, {
        signal: controller.signal,
        onProgress: (checked) => {
          if (checked === abortAt) controller.abort(reason)
        },
      })
      await expect(audit).rejects.toBe(reason)
      expect(recorded).toEqual([])
    }
  })

  it('goes no further once it is aborted', async () => {
    const { open } = storeOf(...Array.from({ length: 150 }, (_, nth) => held(nth + 1)))
    const controller = new AbortController()
    let last = 0
    const audit = auditPorts(open, localHost, {
      signal: controller.signal,
      onProgress: (checked) => {
        last = checked
        if (checked === 10) controller.abort()
      },
    })
    await expect(audit).rejects.toThrow()
    expect(last).toBe(10)
  })

  it('rejects with the error of the store', async () => {
    const { store } = storeOf(held(3000))
    const failure = new Error('the store is gone')
    const failing = Object.assign(Object.create(store), {
      recordChecks: async () => {
        throw failure
      },
    })
    await expect(auditPorts(async () => failing, localHost, {})).rejects.toBe(failure)
  })

  it('tells a stranger from the holder by the directory that is recorded', async ({ skip }) => {
    onLinux(skip)
    const port = await listenTcp({ host: '127.0.0.1' })
    const allocation = held(port)
    const auditIn = async (directory: string) => {
      const { store, recorded } = storeOf(allocation)
      const checkout = {
        projectName: 'shop',
        hostname: 'localhost',
        directory,
        instance: '',
        createdAt: new Date(),
        allocationIds: [allocation.id],
      }
      Object.assign(store, { listCheckouts: async () => [checkout] })
      const { conflicts } = await auditPorts(async () => store, localHost, {})
      return { conflicts, whose: recorded.flat()[0]!.process?.whose }
    }
    expect(await auditIn(process.cwd())).toEqual({ conflicts: [], whose: 'holder' })
    expect(await auditIn('/srv/elsewhere')).toEqual({
      conflicts: [
        expect.objectContaining({
          kind: 'stranger',
          actual: 'in use by a stranger',
          process: expect.objectContaining({ pid: process.pid, directory: process.cwd() }),
        }),
      ],
      whose: 'stranger',
    })
  })

  it('reports what listens in a range and is held by nobody', async ({ skip }) => {
    onLinux(skip)
    const port = await listenTcp({ host: '127.0.0.1' })
    const { store } = storeOf()
    const range = { projectName: 'shop', startPort: port, endPort: port }
    const auditWith = async (more: object) => {
      Object.assign(store, { listRanges: async () => [{ ...range, ...more }] })
      return (await auditPorts(async () => store, localHost, {})).conflicts
    }
    expect(await auditWith({})).toEqual([
      expect.objectContaining({
        kind: 'unregistered',
        port,
        expected: `nobody (shop ${port})`,
        process: expect.objectContaining({ pid: process.pid }),
      }),
    ])
    expect(await auditWith({ hostname: 'build-1' })).toEqual([])
    expect(await auditWith({ startPort: port + 1, endPort: port + 1 })).toEqual([])
  })

  it('names the user who listens on a number that nobody holds, if that is not the owner', async ({
    skip,
  }) => {
    const uid = 65534
    if (process.platform !== 'linux' || process.getuid!() !== 0) {
      skipBecause(skip, 'only root on Linux can listen as another user and see it')
    }
    process.seteuid!(uid)
    const port = await listenTcp({ host: '127.0.0.1' }).finally(() => process.seteuid!(0))
    const store = {
      ...(await storeOf().open()),
      listRanges: async () => [{ projectName: 'shop', startPort: port, endPort: port }],
    }
    const auditOf = async (ownerUid: number) =>
      (await auditAll(async () => store as never, localHost, {}, ownerUid)).conflicts
    expect(await auditOf(uid + 1)).toMatchObject([
      { kind: 'unregistered', actual: 'in use by another user and held by nobody', uid },
    ])
    expect((await auditOf(uid))[0]).not.toHaveProperty('uid')
  })

  it('reports numbers that the kernel may give away, on this host alone', async ({ skip }) => {
    onLinux(skip)
    const port = await closedPort()
    const { open } = storeOf(held(port), held(port, { hostname: 'no-such-host.invalid' }), held(1))
    const { conflicts } = await auditAll(open, localHost, {})
    expect(conflicts.filter(({ kind }) => kind === 'ephemeral')).toEqual([
      expect.objectContaining({ port, hostname: 'localhost' }),
    ])
  })

  it('reports services that have one Cloudflare hostname, but not one service twice', async () => {
    const cloudflareHostname = 'shop.example.com'
    const { open } = storeOf(
      held(1, { cloudflareHostname }),
      held(1, { cloudflareHostname, protocol: 'udp' }),
      held(2, { cloudflareHostname, serviceName: 'api' }),
      held(3, { cloudflareHostname: 'other.example.com' }),
    )
    const { conflicts } = await auditPorts(open, localHost, {})
    const shared = conflicts.filter(({ kind }) => kind === 'shared-hostname')
    expect(shared.map(({ port, actual }) => [port, actual])).toEqual([
      [1, 'has shop.example.com, like shop/api'],
      [1, 'has shop.example.com, like shop/api'],
      [2, 'has shop.example.com, like shop/web'],
    ])
  })

  it('calls a service idle that was not seen for as long as was asked for', async () => {
    const daysAgo = (days: number) => new Date(Date.now() - days * 24 * 60 * 60 * 1000)
    const port = await closedPort()
    const kindsOf = async (more: Partial<PortAllocation>, checks: object, idleDays?: number) => {
      const allocation = held(port, more)
      const { store } = storeOf(allocation)
      const healthOf = async (ids: readonly string[]) => new Map(ids.map((id) => [id, checks]))
      Object.assign(store, { healthOf })
      const options = idleDays === undefined ? {} : { idleDays }
      const { conflicts } = await auditPorts(async () => store, localHost, options)
      return conflicts.map(({ kind }) => kind)
    }
    const recent = { oldestCheckAt: daysAgo(1) }
    const old = { oldestCheckAt: daysAgo(31) }
    const longHeld = { allocatedAt: daysAgo(90) }
    expect(await kindsOf({ ...longHeld, lastUsedAt: daysAgo(29) }, old)).toEqual(['not-running'])
    expect(await kindsOf({ ...longHeld, lastUsedAt: daysAgo(31) }, recent)).toEqual(['idle'])
    expect(await kindsOf({ ...longHeld, lastUsedAt: daysAgo(3) }, recent, 2)).toEqual(['idle'])
    // It was never looked for until yesterday.
    expect(await kindsOf(longHeld, recent)).toEqual(['not-running'])
    expect(await kindsOf(longHeld, old)).toEqual(['idle'])
  })
})
