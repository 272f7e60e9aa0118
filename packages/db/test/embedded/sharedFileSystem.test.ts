import { mkdirSync, readFileSync, rmSync, type StatsFs, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { skipBecause } from '@ports/testkit/vitest'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { heldElsewhere, ServerLock } from '../../src/embedded/serverLock.js'
import { place } from './homes.js'

/** NFS_SUPER_MAGIC, statfs(2): no machine that runs the tests can be asked to mount one. */
const NFS = 0x6969
const fileSystem = vi.hoisted(() => ({ type: undefined as number | undefined }))

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs')>()
  const statfsSync = (path: string): StatsFs => {
    const real = fs.statfsSync(path)
    return fileSystem.type === undefined ? real : Object.assign(real, { type: fileSystem.type })
  }
  return { ...fs, statfsSync }
})

afterEach(() => {
  fileSystem.type = undefined
})

const ELSEWHERE = {
  host: 'other-machine',
  boot: '00000000-0000-0000-0000-000000000000',
  machine: '0123456789abcdef0123456789abcdef',
  pid: 4711,
}

/** The data of a server that crashed, whose lock's file names that holder. */
function leftBy(holder: object) {
  const data = join(place(), 'data')
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(join(data, 'ports-server.lock'), JSON.stringify(holder), { mode: 0o600 })
  writeFileSync(join(data, 'postmaster.pid'), '4711\n')
  const { uid, gid } = statSync(data)
  return { data, account: { name: 'owner', uid, gid } }
}

async function expectTaken({ data, account }: ReturnType<typeof leftBy>): Promise<void> {
  const lock = await ServerLock.tryTake(data, account)
  expect(lock).toBeDefined()
  lock!.close()
}

describe('a free lock of a server of another machine', () => {
  it('proves nothing where two machines can have the file system mounted', async () => {
    fileSystem.type = NFS
    const left = leftBy(ELSEWHERE)
    const refusal = heldElsewhere(left.data, ELSEWHERE)
    for (const part of ['other-machine', 'process 4711', 'ports-server.lock']) {
      expect(refusal.message).toContain(part)
    }
    await expect(ServerLock.tryTake(left.data, left.account)).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: refusal.message,
    })
    expect(readFileSync(join(left.data, 'postmaster.pid'), 'utf8')).toBe('4711\n')

    // A server removes this last when it shuts down.
    rmSync(join(left.data, 'postmaster.pid'))
    await expectTaken(left)
  })

  it('proves that it has ended where only one kernel can', async () => {
    await expectTaken(leftBy(ELSEWHERE))
  })

  it('proves that it has ended where that was this machine before it booted', async ({ skip }) => {
    const machine = readMachineId()
    if (!machine) skipBecause(skip, 'this machine has no /etc/machine-id')
    fileSystem.type = NFS
    await expectTaken(leftBy({ ...ELSEWHERE, host: hostname(), machine }))
  })
})

function readMachineId(): string | undefined {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}
