import { spawn } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { DatabaseStatus } from '../../src/index.js'
import { expectApiKept, freshHome, inHome, makeRegistry, once, statusOf } from './homes.js'
import { isAlive, killServer } from './processes.js'
import { isRoot } from './users.js'

function lockFilesOf({ dataDirectory, socketDirectory }: DatabaseStatus): string[] {
  return [join(dataDirectory!, 'postmaster.pid'), join(socketDirectory!, '.s.PGSQL.5432.lock')]
}

describe('the embedded database is there again', () => {
  it('when a living process of somebody else has the pid of the one that was killed', async () => {
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    const dataDirectory = status.dataDirectory!
    killServer(status)
    // It runs under the server's own account, because PostgreSQL respects only such a process.
    const { uid, gid } = statSync(dataDirectory)
    const stranger = spawn('sleep', ['600'], isRoot ? { uid, gid } : {})
    onTestFinished(() => {
      stranger.kill()
    })
    for (const file of lockFilesOf(status)) {
      const text = readFileSync(file, 'utf8')
      expect(text).toMatch(new RegExp(`^${status.pid}\n`))
      writeFileSync(file, text.replace(/^\d+/, String(stranger.pid)))
    }
    expect((await statusOf(inHome(home))).running).toBe(false)
    expect((await once(inHome(home), (program) => program.stop())).result).toBe(false)
    await expectApiKept(inHome(home))
    expect((await once(inHome(home), (program) => program.stop())).result).toBe(true)
    expect(isAlive(stranger.pid!)).toBe(true)
  })

  // A full disk or a power failure leaves an empty file.
  it.each([
    ['the pid of nobody', '4194304\n'],
    ['nothing', ''],
    ['something else', 'garbage\n'],
  ])('when %s is in the lock files of a server that was killed', async (_what, text) => {
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    killServer(status)
    const socket = join(status.socketDirectory!, '.s.PGSQL.5432')
    expect(existsSync(socket)).toBe(true)
    for (const file of lockFilesOf(status)) writeFileSync(file, text)
    expect((await statusOf(inHome(home))).running).toBe(false)
    await expectApiKept(inHome(home))
  })

  it('when the pid in them is of a process that only names the directory', async () => {
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    killServer(status)
    const data = status.dataDirectory!
    const { uid, gid } = statSync(data)
    const reader = spawn('tail', ['-f', join(data, 'PG_VERSION')], {
      stdio: 'ignore',
      ...(isRoot && { uid, gid }),
    })
    onTestFinished(() => {
      reader.kill()
    })
    for (const file of lockFilesOf(status)) {
      writeFileSync(file, readFileSync(file, 'utf8').replace(/^\d+/, String(reader.pid)))
    }
    await expectApiKept(inHome(home))
    expect(isAlive(reader.pid!)).toBe(true)
  })
})
