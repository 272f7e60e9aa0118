import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
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
  statusOf,
} from './homes.js'
import { isRoot, otherUser } from './users.js'

describe('the home of a registry', () => {
  it('is in the user’s data directory unless PORTS_HOME says where', async () => {
    const user = place()
    const isMac = process.platform === 'darwin'
    const settings = { HOME: user, ...(!isMac && { XDG_DATA_HOME: join(user, 'data') }) }
    const home = join(user, isMac ? 'Library/Application Support/ports' : 'data/ports')
    expect(await statusOf({ env: settings })).toEqual({ kind: 'embedded', running: false, home })
    expect(readdirSync(user)).toEqual([])
  })

  it('may be closed to all but its owner', async () => {
    const home = freshHome('home', 0o700)
    const { dataDirectory } = await makeRegistry(inHome(home))
    if (isRoot) {
      // The server's account cannot enter the home, so the home has a link to the data.
      expect(lstatSync(join(home, 'data')).isSymbolicLink()).toBe(true)
      expect(dataDirectory).toMatch(/^\/var\/lib\/ports\/registry-\w+\/data$/)
    } else {
      expect(dataDirectory).toBe(join(realpathSync(home), 'data'))
    }
    expect(statSync(home).mode & 0o777).toBe(0o700)
    await once(inHome(home), (program) => program.stop())
    await expectApiKept(inHome(home))
  })

  it('keeps directories of others whose names only look like those of unfinished work', async ({
    skip,
  }) => {
    // Root's programs are elsewhere.
    const user = isRoot ? otherUser(skip) : undefined
    const home = freshHome('home', 0o755, user)
    const others = ['incoming-mail', 'incoming-999999', 'data.unfinished-report']
    for (const name of others) mkdirSync(join(home, name, 'deep'), { recursive: true })
    for (const path of ['incoming-999998', 'data.unfinished-999998']) {
      writeFileSync(join(home, path), '')
    }
    if (user) spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, home])
    await makeRegistry(inHome(home, user))
    for (const name of others) expect(readdirSync(join(home, name))).toEqual(['deep'])
    expect(readdirSync(home)).toEqual(
      expect.arrayContaining(['incoming-999998', 'data.unfinished-999998']),
    )
  })

  // Root's programs are elsewhere; for where they are, see what others are told below.
  const forRoot = isRoot ? '"$`' : ''
  it.each([`it's my home${forRoot}, or one of them`, 'Zuhause – 家 🏠 100%;#\\'])(
    'may be called %s',
    async (name) => {
      const home = freshHome(name)
      const { dataDirectory, socketDirectory } = await makeRegistry(inHome(home))
      expect(dataDirectory).toBe(join(realpathSync(home), 'data'))
      expect(socketDirectory).toBe(join(realpathSync(home), 'run'))
      await once(inHome(home), (program) => program.stop())
      await expectApiKept(inHome(home))
    },
  )

  it('may have a path that is too long for a socket', async () => {
    const home = freshHome(join('long'.repeat(20), 'longer'.repeat(20)))
    const { dataDirectory, socketDirectory } = await makeRegistry(inHome(home))
    expect(dataDirectory).toBe(join(realpathSync(home), 'data'))
    expect(socketDirectory).toBe(join(realpathSync(home), 'run'))
    expect(statSync(socketDirectory!).mode & 0o777).toBe(0o700)
    await once(inHome(home), (program) => program.stop())
    await expectApiKept(inHome(home))
  })

  it('cannot be a file', async () => {
    const file = join(place(), 'file')
    writeFileSync(file, '')
    for (const home of [file, join(file, 'below')]) {
      const program = open(inHome(home))
      expectRefusal(await getApi(program), 'DATABASE_UNAVAILABLE', home, 'PORTS_HOME')
      expectRefusal(await program.start(), 'DATABASE_UNAVAILABLE', home, 'PORTS_HOME')
      expect((await program.status()).result).toEqual({ kind: 'embedded', running: false, home })
      expect((await program.stop()).result).toBe(false)
    }
    expect(readFileSync(file, 'utf8')).toBe('')
  })

  it('cannot be where its user may not write', async ({ skip }) => {
    const user = isRoot ? otherUser(skip) : undefined
    const closed = place()
    if (!isRoot) chmodSync(closed, 0o555)
    for (const home of [closed, join(closed, 'below')]) {
      const program = open(inHome(home, user))
      expectRefusal(await getApi(program), 'DATABASE_UNAVAILABLE', home, 'PORTS_HOME')
      expectRefusal(await program.start(), 'DATABASE_UNAVAILABLE', home, 'PORTS_HOME')
      expect((await program.status()).result).toEqual({ kind: 'embedded', running: false, home })
      expect((await program.stop()).result).toBe(false)
    }
    expect(readdirSync(closed)).toEqual([])
  })
})
