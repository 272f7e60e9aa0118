import { spawn } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { expectApiKept, freshHome, inHome, makeRegistry, once, statusOf } from './homes.js'
import { isAlive, killServer } from './processes.js'
import { isRoot } from './users.js'

describe('the embedded database is there again', () => {
  it('when a living process of somebody else has the pid of the one that was killed', async () => {
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    const dataDirectory = status.dataDirectory!
    killServer(status)
    // As the server's own account, for only such a process can make PostgreSQL hesitate.
    const { uid, gid } = statSync(dataDirectory)
    const stranger = spawn('sleep', ['600'], isRoot ? { uid, gid } : {})
    onTestFinished(() => {
      stranger.kill()
    })
    const lockFiles = [
      join(dataDirectory, 'postmaster.pid'),
      join(status.socketDirectory!, '.s.PGSQL.5432.lock'),
    ]
    for (const file of lockFiles) {
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
})
