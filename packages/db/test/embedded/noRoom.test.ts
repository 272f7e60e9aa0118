import { readdirSync } from 'node:fs'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { numbers } from '../sessions.js'
import { expectRefusal, getApi, homeIn, inHome, makeRegistry, open } from './homes.js'
import type { Answer } from './RegistryProgram.js'
import { smallDisk } from './smallDisk.js'
import { isRoot, otherUser } from './users.js'

/** Megabytes for the server's files, including the WAL that it writes in these tests. */
const ENOUGH = 160

describe('on a disk that takes no writes', () => {
  it('no registry is made, and none started, until it does', async ({ skip }) => {
    const disk = smallDisk(skip, ENOUGH)
    const home = homeIn(disk.directory)
    const program = open(inHome(home))
    const expectRefused = async () => {
      for (const answer of [await getApi(program), await program.start()]) {
        expectRefusal(answer, 'DATABASE_UNAVAILABLE', home, 'read-only', 'PORTS_HOME')
      }
      expect((await program.status()).result).toMatchObject({ running: false, home })
    }
    disk.remount('ro')
    await expectRefused()
    disk.remount('rw')
    expect((await getApi(program)).result).toBe(3100)

    await program.stop()
    disk.remount('ro')
    await expectRefused()
    disk.remount('rw')
    expect(await getApi(program)).toEqual({ result: 3100, notices: [] })
  })
})

describe('on a full disk', () => {
  it('no registry is made until there is room for all of it', async ({ skip }) => {
    const disk = smallDisk(skip, ENOUGH)
    const home = homeIn(disk.directory)
    const program = open(inHome(home))
    for (const room of [0, 1_000_000, 20_000_000]) {
      await disk.fill(room)
      for (const answer of [await getApi(program), await program.start()]) {
        expectRefusal(answer, 'DATABASE_UNAVAILABLE', home, /No space left|no space left/)
        expectRefusal(answer, 'DATABASE_UNAVAILABLE', /[Mm]ake room/, 'PORTS_HOME')
      }
      expect(readdirSync(home)).not.toContain('data')
      await disk.free()
    }
    expect((await getApi(program)).result).toBe(3100)
  })

  it('the server’s programs are not copied in part', async ({ skip }) => {
    if (!isRoot) return skip('needs a mount')
    const user = otherUser(skip)
    const disk = smallDisk(skip, 2 * ENOUGH)
    const home = homeIn(disk.directory, 'home', 0o755, user)
    const program = open(inHome(home, user))
    await disk.fill(30_000_000)
    expectRefusal(
      await getApi(program),
      'DATABASE_UNAVAILABLE',
      home,
      /no space left/,
      /make room/i,
    )
    expect(readdirSync(home)).toEqual(['lock'])
    await disk.free()
    expect((await getApi(program)).result).toBe(3100)
  })

  it('a registry that is there is not started until there is room', async ({ skip }) => {
    const disk = smallDisk(skip, ENOUGH)
    const home = homeIn(disk.directory)
    await makeRegistry(inHome(home))
    const program = open(inHome(home))
    await program.stop()
    await disk.fill()
    for (const answer of [await getApi(program), await program.start(), await getApi(program)]) {
      expectRefusal(answer, 'DATABASE_UNAVAILABLE', home, /no space left/, /[Mm]ake room/)
    }
    await disk.free()
    expect(await getApi(program)).toEqual({ result: 3100, notices: [] })
  })
})

describe('when the disk of a running server fills', () => {
  it('calls are refused while it lasts, and then all that was acknowledged is there', async ({
    skip,
  }) => {
    const disk = smallDisk(skip, ENOUGH)
    const home = homeIn(disk.directory)
    const { socketDirectory } = await makeRegistry(inHome(home))
    const programs = [open(inHome(home)), open(inHome(home))]
    const acknowledged = new Map<string, number>()
    const refused: Answer<number>[] = []
    // Each is on a new host, for which numbers must be offered first, so the tables grow.
    const ask = async (nth: number) => {
      const hostname = `host-${nth}`
      const answer = await programs[nth % 2]!.get('consilio', 'api', { hostname })
      if (answer.error) refused.push(answer)
      else acknowledged.set(hostname, answer.result!)
    }
    const expectRefusals = () => {
      expect(refused.length).toBeGreaterThan(0)
      for (const { error } of refused.splice(0)) {
        expect(error).toMatchObject({ isPortsError: true })
        expect(['DATABASE_UNAVAILABLE', 'OUTCOME_UNKNOWN']).toContain(error!.code)
      }
    }

    await ask(0)
    await disk.fill()
    for (let nth = 1; nth < 200 && refused.length < 5; nth += 1) await ask(nth)
    expectRefusals()
    // Held ports can still be read.
    expect((await programs[1]!.get('consilio', 'api', { hostname: 'host-0' })).result).toBe(3100)

    // Until the WAL cannot grow: the server then ends and cannot start again.
    const admin = new pg.Client({ host: socketDirectory!, user: 'ports', database: 'postgres' })
    admin.on('error', () => {})
    onTestFinished(() => admin.end().catch(() => {}))
    await admin.connect()
    for (const _ of numbers(1, 20)) {
      const isUp = await admin.query('select pg_switch_wal()').then(
        () => true,
        () => false,
      )
      if (!isUp) break
      await ask(200)
    }
    await Promise.all(numbers(201, 204).map(ask))
    expectRefusals()
    for (const program of programs) {
      expectRefusal(
        await program.start(),
        'DATABASE_UNAVAILABLE',
        home,
        /no space left/,
        /[Mm]ake room/,
      )
    }

    await disk.free()
    const found = new Map<string, number>()
    for (const hostname of acknowledged.keys()) {
      found.set(hostname, (await programs[0]!.get('consilio', 'api', { hostname })).result!)
    }
    expect(found).toEqual(acknowledged)
    expect((await programs[1]!.get('consilio', 'web')).result).toBe(3101)
  })
})
