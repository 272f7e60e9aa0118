import { readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Account, accountNamed, tcpServer } from '@ports/testkit'
import { skipBecause } from '@ports/testkit/vitest'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  appearance,
  expectApiKept,
  expectRefusal,
  freshHome,
  getApi,
  inHome,
  once,
  open,
  place,
  removeRegistry,
  statusOf,
} from './homes.js'
import { whyItCannotRun } from './RegistryProgram.js'
import { isRoot, otherUser } from './users.js'

/** A database server that refuses every connection with a message of its own. */
function refusingServer() {
  const refusal = Buffer.from('SFATAL\0C53300\0Mno room for you\0\0')
  const head = Buffer.alloc(5, 'E')
  head.writeInt32BE(refusal.length + 4, 1)
  return tcpServer((socket) => {
    socket.once('data', () => socket.end(Buffer.concat([head, refusal])))
  })
}

describe('a user who is not root', () => {
  it('has a registry of their own', async ({ skip }) => {
    const user = isRoot ? otherUser(skip) : undefined
    const userHome = freshHome('user', 0o700, user)
    const env = { HOME: userHome }
    const own = { env, as: user }
    const home = (await statusOf(own)).home!
    expect(home.startsWith(userHome)).toBe(true)
    onTestFinished(() => removeRegistry(home, user))

    const first = await once(own, getApi)
    expect(first.result).toBe(3100)
    expect(first.notices).toEqual([expect.stringMatching(/^made the registry of \S+ in /)])
    expect(first.notices[0]).toContain(home)
    const status = await statusOf(own)
    expect(status).toMatchObject({
      running: true,
      dataDirectory: join(realpathSync(home), 'data'),
    })
    expect(statSync(join(home, 'data')).uid).toBe(user?.uid ?? process.getuid!())

    expect((await once(own, (program) => program.stop())).result).toBe(true)
    await expectApiKept(own)
    expect((await once(own, (program) => program.stop())).result).toBe(true)
  })

  it('is told where the server’s programs do not run because of the name of the home', async ({
    skip,
  }) => {
    const user = isRoot ? otherUser(skip) : undefined
    // A shell evaluates these in double quotes, and PostgreSQL's programs start each other with one.
    for (const name of ['a "home"', 'a $HOME', 'a `home`']) {
      const home = freshHome(name, 0o755, user)
      const { error } = await once(inHome(home, user), getApi)
      expect(error).toMatchObject({ isPortsError: true, code: 'DATABASE_UNAVAILABLE' })
      expect(error!.message).toContain('Set PORTS_HOME to a path without')
      expect(readdirSync(home)).toEqual(['lock'])
    }
  })

  it('leaves nothing behind when killed while the server’s programs are copied', async ({
    skip,
  }) => {
    const user = isRoot ? otherUser(skip) : undefined
    const home = freshHome('home', 0o755, user)
    const maker = open(inHome(home, user))
    const appeared = appearance(home, /^incoming-/)
    const answer = getApi(maker).catch(() => 'killed')
    await appeared
    await maker.end('SIGKILL')
    expect(await answer).toBe('killed')
    expect((await once(inHome(home, user), getApi)).result).toBe(3100)
    expect(readdirSync(home).filter((name) => name.startsWith('incoming-'))).toEqual([])
  })

  describe('and whom the system does not know', () => {
    // A container's runtime sets HOME for such a user, setpriv and init systems do not.
    const environments = (home: string): Record<string, string>[] => [{ HOME: home }, {}]
    const unknown = (skip: (note: string) => never): Account => {
      if (!isRoot) skipBecause(skip, 'only root can run programs as such a user')
      const user = { uid: 54_321, gid: 54_321 }
      if (accountNamed(String(user.uid))) skipBecause(skip, `this machine knows uid ${user.uid}`)
      const reason = whyItCannotRun(user)
      if (reason !== undefined) skipBecause(skip, reason)
      return user
    }

    it('is told to use a database of their own', async ({ skip }) => {
      const user = unknown(skip)
      const home = freshHome('home', 0o755, user)
      for (const more of environments(home)) {
        const program = open({ env: { PORTS_HOME: home, ...more }, as: user })
        for (const answer of [await getApi(program), await program.start()]) {
          expectRefusal(answer, 'DATABASE_UNAVAILABLE', `uid ${user.uid}`, 'PORTS_DATABASE_URL')
        }
        expect((await program.status()).result).toEqual({ kind: 'embedded', running: false, home })
      }
      expect(readdirSync(home).filter((name) => name.startsWith('data'))).toEqual([])
    })

    it('can use one, without a HOME too', async ({ skip }) => {
      const user = unknown(skip)
      await using server = await refusingServer()
      for (const more of environments(place())) {
        const program = open({ env: { PORTS_DATABASE_URL: server.url, ...more }, as: user })
        // Which this one is not; but the program came as far as asking it.
        expectRefusal(await getApi(program), 'BUSY', 'no room for you')
      }
    })
  })
})
