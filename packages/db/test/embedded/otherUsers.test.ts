import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Account } from '@ports/testkit'
import { skipBecause } from '@ports/testkit/vitest'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  expectApiKept,
  expectRefusal,
  freshHome,
  getApi,
  inHome,
  makeRegistry,
  once,
  open,
  place,
} from './homes.js'
import { isAlive } from './processes.js'
import type { Setting } from './RegistryProgram.js'
import { isRoot, otherUser } from './users.js'

function needsRoot(skip: (note: string) => never): void {
  if (!isRoot) skipBecause(skip, 'it is about what root does')
}

/** Expects every command to be refused with these parts in the message. */
async function expectRefused(setting: Setting, ...parts: string[]): Promise<void> {
  const program = open(setting)
  for (const answer of [
    await getApi(program),
    await program.start(),
    await program.stop(),
    await program.status(),
  ]) {
    expectRefusal(answer, 'DATABASE_UNAVAILABLE', ...parts)
  }
}

/** A file of root that must not be changed. */
function precious(): { path: string; expectUntouched: () => void } {
  const path = join(place(), 'precious')
  writeFileSync(path, 'precious\n', { mode: 0o600 })
  return {
    path,
    expectUntouched: () => {
      const { uid, mode } = statSync(path)
      expect({ uid, mode: mode & 0o777 }).toEqual({ uid: 0, mode: 0o600 })
      expect(readFileSync(path, 'utf8')).toBe('precious\n')
    },
  }
}

describe('root uses no registry that another user can change', () => {
  it('in a user’s HOME, where it makes nothing', async ({ skip }) => {
    needsRoot(skip)
    const user = otherUser(skip)
    const home = join(place(), 'user')
    mkdirSync(home)
    chownSync(home, user.uid, user.gid)
    await expectRefused({ env: { HOME: home } }, home, 'nobody', 'PORTS_HOME')
    expect(readdirSync(home)).toEqual([])
    await expectRefused({ env: { HOME: '/', PORTS_HOME: join(home, 'a', 'b') } }, home, 'nobody')
    expect(readdirSync(home)).toEqual([])
  })

  it('not even one that a user made before root uses it', async ({ skip }) => {
    needsRoot(skip)
    const user = otherUser(skip)
    const home = freshHome('home', 0o755, user)
    const { pid } = await makeRegistry(inHome(home, user))
    await expectRefused(inHome(home), home, 'nobody')
    expect(isAlive(pid!)).toBe(true)
    await expectApiKept(inHome(home, user))
  })

  it.each(['lock', 'postgres.log', 'data', 'run', 'data.unfinished'])(
    'where %s is a link to a file of root’s',
    async (name) => {
      if (!isRoot) return
      const home = join(place(), 'home')
      mkdirSync(home)
      const file = precious()
      symlinkSync(file.path, join(home, name))
      chownSync(home, 65_534, 65_534)
      await expectRefused(inHome(home), home)
      file.expectUntouched()

      // In a directory of root, a link belongs to root, but it is still neither a lock nor a log.
      chownSync(home, 0, 0)
      if (['lock', 'postgres.log'].includes(name)) {
        expectRefusal(await once(inHome(home), getApi), 'DATABASE_UNAVAILABLE', home)
        expect(lstatSync(join(home, name)).isSymbolicLink()).toBe(true)
      }
      file.expectUntouched()
    },
  )

  it('below a directory that all may write, unless it is sticky', async ({ skip }) => {
    needsRoot(skip)
    const parent = join(place(), 'shared')
    mkdirSync(parent)
    const home = join(parent, 'home')
    chmodSync(parent, 0o777)
    await expectRefused(inHome(home), parent, 'chmod go-w')
    chmodSync(parent, 0o775)
    chownSync(parent, 0, 65_534)
    await expectRefused(inHome(home), parent, 'chmod go-w')
    expect(readdirSync(parent)).toEqual([])

    chmodSync(parent, 0o1777)
    mkdirSync(home)
    chownSync(home, 65_534, 65_534)
    await expectRefused(inHome(home), home)
    rmSync(home, { recursive: true })
    await makeRegistry(inHome(home))
    expect((await once(inHome(home), (program) => program.stop())).result).toBe(true)
  })

  it('through a link on the way', async ({ skip }) => {
    needsRoot(skip)
    const outer = place()
    mkdirSync(join(outer, 'theirs', 'registry'), { recursive: true })
    chownSync(join(outer, 'theirs'), 65_534, 65_534)
    symlinkSync(join(outer, 'theirs'), join(outer, 'link'))
    await expectRefused(inHome(join(outer, 'link', 'registry')), join(outer, 'theirs'))
    expect(readdirSync(join(outer, 'theirs', 'registry'))).toEqual([])
  })

  it('through the link of an attempt that was killed', async ({ skip }) => {
    needsRoot(skip)
    const theirs = join(place(), 'theirs')
    mkdirSync(theirs)
    chownSync(theirs, 65_534, 65_534)
    const home = freshHome()
    symlinkSync(join(theirs, 'data'), join(home, 'data.unfinished'))
    expectRefusal(await once(inHome(home), getApi), 'DATABASE_UNAVAILABLE', theirs, 'nobody')
    expect(readdirSync(theirs)).toEqual([])
  })

  it('and follows no link that the server’s account leaves in its directory', async ({ skip }) => {
    needsRoot(skip)
    for (const name of ['postmaster.pid', 'ports-server.lock', 'pg_hba.conf', 'PG_VERSION']) {
      const home = freshHome()
      const { dataDirectory } = await makeRegistry(inHome(home))
      await once(inHome(home), (program) => program.stop())
      const file = precious()
      rmSync(join(dataDirectory!, name), { force: true })
      symlinkSync(file.path, join(dataDirectory!, name))
      const answer = await once(inHome(home), getApi)
      expectRefusal(answer, 'DATABASE_UNAVAILABLE', name, 'link')
      file.expectUntouched()
    }
  })
})

describe('another PostgreSQL’s directory in place of the data', () => {
  it('is neither stopped nor changed', async () => {
    const home = freshHome()
    const other = join(place(), 'main')
    mkdirSync(other, { mode: 0o700 })
    const { uid, gid } = statSync(other)
    const argv0 = `postgres -D ${other} -c config_file=/etc/postgresql/main/postgresql.conf`
    const server = spawn('sleep', ['600'], { argv0, uid, gid })
    onTestFinished(() => {
      server.kill()
    })
    const files = { PG_VERSION: '18\n', 'postmaster.pid': `${server.pid}\n` }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(other, name), text)
    symlinkSync(other, join(home, 'data'))
    await expectRefused(inHome(home), other, 'not hold the database of a registry')
    expect(isAlive(server.pid!)).toBe(true)
    expect(server.signalCode).toBeNull()
    expect(readdirSync(other).sort()).toEqual(Object.keys(files).sort())
    for (const [name, text] of Object.entries(files)) {
      expect(readFileSync(join(other, name), 'utf8')).toBe(text)
    }
  })
})

describe('a directory that another user has made', () => {
  /** Its program reports that it ran. */
  function planted(by: Account): { home: string; trace: string } {
    const outer = place()
    const home = join(outer, 'shared-ports')
    const trace = join(outer, 'trace')
    mkdirSync(trace)
    chmodSync(trace, 0o777)
    const bin = join(home, 'postgresql-18.4.0-beta.17', 'bin')
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'initdb'), `#!/bin/sh\ntouch ${trace}/ran\nexit 1\n`, { mode: 0o755 })
    chownSync(home, by.uid, by.gid)
    chmodSync(home, 0o777)
    return { home, trace }
  }

  it('is not used, and no program in it is run', async ({ skip }) => {
    const victim = otherUser(skip, 'daemon')
    const evil = otherUser(skip, 'nobody')
    const { home, trace } = planted(evil)
    await expectRefused(inHome(home, victim), home, 'nobody', 'PORTS_HOME')
    await expectRefused(inHome(join(home, 'below'), victim), home, 'nobody')
    expect(readdirSync(trace)).toEqual([])
  })

  it('is not used after it was given away, as long as others can write to it', async ({ skip }) => {
    const victim = otherUser(skip, 'daemon')
    const { home, trace } = planted(otherUser(skip, 'nobody'))
    chownSync(home, victim.uid, victim.gid)
    await expectRefused(inHome(home, victim), home, 'chmod go-w')
    expect(readdirSync(trace)).toEqual([])
  })
})

describe('the directory of the socket', () => {
  it('is not connected to if the server’s account is not its owner', async ({ skip }) => {
    needsRoot(skip)
    const home = freshHome()
    const { socketDirectory } = await makeRegistry(inHome(home))
    await once(inHome(home), (program) => program.stop())
    for (const spoil of [
      () => chownSync(socketDirectory!, 2, 2),
      () => chmodSync(socketDirectory!, 0o777),
    ]) {
      rmSync(socketDirectory!, { recursive: true, force: true })
      mkdirSync(socketDirectory!, { mode: 0o700 })
      spoil()
      expectRefusal(await once(inHome(home), getApi), 'DATABASE_UNAVAILABLE', socketDirectory!)
      expect(existsSync(join(socketDirectory!, '.s.PGSQL.5432'))).toBe(false)
    }
    rmSync(socketDirectory!, { recursive: true })
    await expectApiKept(inHome(home))
  })
})
