import { spawn, spawnSync } from 'node:child_process'
import { once as emitted } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type DatabaseStatus, databaseStatus, stopDatabase } from '../src/index.js'
import {
  type Answer,
  RegistryProgram,
  type Setting,
  type User,
  whyItCannotRun,
} from './RegistryProgram.js'
import { ascending, numbers } from './sessions.js'
import { skipBecause } from './skipBecause.js'

const isRoot = process.getuid!() === 0

/** A directory for a registry's home to be in, which everybody can enter. */
function place(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ports-embedded-'))
  chmodSync(directory, 0o755)
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }))
  return directory
}

/** A home where no registry has ever been. What comes to be there goes when the test ends. */
function freshHome(name = 'home', mode = 0o755, owner?: User): string {
  const home = join(place(), name)
  mkdirSync(home, { recursive: true, mode })
  if (owner) chownSync(home, owner.uid, owner.gid)
  onTestFinished(() => removeRegistry(home))
  return home
}

async function removeRegistry(home: string): Promise<void> {
  vi.stubEnv('PORTS_HOME', home)
  try {
    const { dataDirectory, socketDirectory } = await databaseStatus()
    await stopDatabase()
    for (const directory of [dataDirectory && dirname(dataDirectory), socketDirectory]) {
      // Of what is elsewhere the home has but a link.
      if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
    }
  } finally {
    vi.unstubAllEnvs()
  }
}

function open(setting: Setting): RegistryProgram {
  const program = new RegistryProgram(setting)
  onTestFinished(() => program.end('SIGKILL'))
  return program
}

/** A program that is there for one question. */
async function once<Result>(
  setting: Setting,
  ask: (program: RegistryProgram) => Promise<Answer<Result>>,
): Promise<Answer<Result>> {
  const program = open(setting)
  const answer = await ask(program)
  await program.end()
  return answer
}

const inHome = (home: string, as?: User): Setting => ({ env: { PORTS_HOME: home }, as })

const getApi = (program: RegistryProgram) => program.get('consilio', 'api')
const statusOf = async (setting: Setting): Promise<DatabaseStatus> =>
  (await once(setting, (program) => program.status())).result!

/** Makes a registry with the api's port in it, and says how it then is. */
async function makeRegistry(setting: Setting): Promise<DatabaseStatus> {
  const program = open(setting)
  const { error, result } = await getApi(program)
  expect({ error, result }).toEqual({ result: 3100 })
  const status = await program.status()
  await program.end()
  return status.result!
}

/** The api's port, which a registry has for good, however it was treated. */
async function expectApiKept(setting: Setting): Promise<void> {
  expect(await once(setting, getApi)).toEqual({ result: 3100, notices: [] })
}

/** What a first attempt that was killed must not prevent. */
async function expectMade(home: string, program: RegistryProgram, notices: number): Promise<void> {
  const answer = await getApi(program)
  expect({ error: answer.error, result: answer.result }).toEqual({ result: 3100 })
  expect(answer.notices).toHaveLength(notices)
  expect(readdirSync(home).filter((file) => file.startsWith('data'))).toEqual(['data'])
  await program.stop()
  await expectApiKept(inHome(home))
}

function expectRefusal({ error }: Answer<unknown>, code: string, ...parts: (string | RegExp)[]) {
  expect(error).toMatchObject({ isPortsError: true, code })
  for (const part of parts) expect(error!.message).toMatch(part)
}

/** A user of this machine, as its list of users has it. */
function userNamed(name: string): User | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, name]))
  if (uid!.status !== 0 || gid!.status !== 0) return undefined
  return { uid: Number(uid!.stdout), gid: Number(gid!.stdout) }
}

/** Another user who can run programs from this checkout. Skips the test where there is none. */
function otherUser(skip: (note: string) => never, name = 'nobody'): User {
  if (!isRoot) skipBecause(skip, 'only root can run programs as another user')
  const user = userNamed(name)
  if (!user) skipBecause(skip, `this machine has no user ${name}`)
  const reason = whyItCannotRun(user)
  if (reason !== undefined) skipBecause(skip, reason)
  return user
}

function childrenOf(parent: number): number[] {
  return everyProcess().flatMap((one) => (one.parent === parent ? [one.pid] : []))
}

function everyProcess(): { pid: number; parent: number }[] {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    return stdout.split('\n').map((row) => {
      const [pid, parent] = row.trim().split(/ +/).map(Number)
      return { pid: pid!, parent: parent! }
    })
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // proc_pid_stat(5): after the command in parentheses come the state and the parent.
        const [, parent] = /\) \w (\d+) /.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? []
        return [{ pid: Number(name), parent: Number(parent) }]
      } catch {
        return []
      }
    })
}

/** Kills the server and all that belongs to it, without giving one of them the time to notice. */
/** One of the server's own processes, such as its checkpointer. */
function childOf(pid: number): number {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
  return Number(stdout.trim().split('\n')[0])
}

function killServer({ pid }: DatabaseStatus): void {
  const children = childrenOf(pid!)
  expect(children.length, 'processes of the server').toBeGreaterThan(1)
  process.kill(pid!, 'SIGKILL')
  for (const child of children) if (isAlive(child)) process.kill(child, 'SIGKILL')
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Until a file of that name comes to be in the directory. */
function appearance(directory: string, name: RegExp): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(directory, (_event, file) => {
      if (file !== null && name.test(file)) resolve()
    })
    onTestFinished(() => watcher.close())
  })
}

/** A database server that turns everybody away, in words of its own. */
async function refusingServer() {
  const refusal = Buffer.from('SFATAL\0C53300\0Mno room for you\0\0')
  const head = Buffer.alloc(5, 'E')
  head.writeInt32BE(refusal.length + 4, 1)
  const server = createServer((socket) => {
    socket.on('error', () => {}).once('data', () => socket.end(Buffer.concat([head, refusal])))
  })
  server.listen(0, '127.0.0.1')
  await emitted(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `postgresql://ports@127.0.0.1:${port}/registry`,
    async [Symbol.asyncDispose]() {
      server.close()
      await emitted(server, 'close')
    },
  }
}

describe('the embedded database', () => {
  it('is made once by twenty processes at once, which all get a port of their own', async () => {
    const home = freshHome()
    const programs = numbers(1, 20).map(() => open(inHome(home)))
    const answers = await Promise.all(
      programs.map((program, nth) => program.get('consilio', `service-${nth}`)),
    )
    expect(answers.flatMap(({ error }) => error ?? [])).toEqual([])
    const ports = answers.map(({ result }) => result!)
    expect(new Set(ports).size).toBe(20)
    for (const port of ports) expect(numbers(3100, 3199)).toContain(port)
    const notices = answers.flatMap(({ notices }) => notices)
    expect(notices.filter((notice) => notice.startsWith('made the registry of '))).toHaveLength(1)
    expect(notices.find((notice) => notice.startsWith('made the registry of '))).toContain(home)
    const again = await Promise.all(
      programs.map((_, nth) => programs[19 - nth]!.get('consilio', `service-${nth}`)),
    )
    expect(again.map(({ result }) => result)).toEqual(ports)
  })

  it('keeps its ports when it is stopped, and starts at the next call', async () => {
    const home = freshHome()
    const running = await makeRegistry(inHome(home))
    expect(running).toMatchObject({
      kind: 'embedded',
      running: true,
      home,
      schema: { pending: [] },
    })
    expect(running.serverVersion).toMatch(/^\d+\.\d+$/)
    const pidFile = join(running.dataDirectory!, 'postmaster.pid')
    expect(readFileSync(pidFile, 'utf8')).toMatch(new RegExp(`^${running.pid}\n`))

    const program = open(inHome(home))
    expect(await program.stop()).toEqual({ result: true, notices: [] })
    expect(existsSync(pidFile)).toBe(false)
    expect(await program.stop()).toEqual({ result: false, notices: [] })
    expect((await program.status()).result).toMatchObject({ running: false, home })

    await expectApiKept(inHome(home))
    expect((await statusOf(inHome(home))).running).toBe(true)
    expect((await program.get('consilio', 'web')).result).toBe(3101)
  })

  it('is made, migrated and given the default ranges by start, which leaves a running one alone', async () => {
    const home = freshHome()
    const program = open(inHome(home))
    const first = await program.start()
    expect(first.result).toMatchObject({ running: true, schema: { pending: [] } })
    expect(first.notices).toEqual([expect.stringMatching(/^made the registry of \S+ in /)])
    const second = await program.start()
    expect(second).toEqual({ result: first.result, notices: [] })
    expect((await program.get('shared-services', 'postgres')).result).toBe(9000)
  })

  it('has a private socket and no other door, and syncs what it stores', async () => {
    const home = freshHome()
    const { socketDirectory, dataDirectory, owner } = await makeRegistry(inHome(home))
    for (const directory of [socketDirectory!, dataDirectory!]) {
      expect(statSync(directory).mode & 0o777).toBe(0o700)
      expect(statSync(directory).uid).toBe(userNamed(owner!)!.uid)
    }
    const client = new pg.Client({ host: socketDirectory!, user: 'ports', database: 'postgres' })
    await client.connect()
    onTestFinished(() => client.end())
    const { rows } = await client.query<{ name: string; setting: string }>(
      `select name, setting
       from pg_settings
       where name in ('listen_addresses', 'fsync', 'full_page_writes', 'synchronous_commit')`,
    )
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      listen_addresses: '',
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
    })
    // The server that is stopped at the end must not wait for it.
    await client.end()
  })
})

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
      // The server's account cannot enter the home, so it has a link to where the data are.
      expect(lstatSync(join(home, 'data')).isSymbolicLink()).toBe(true)
      expect(dataDirectory).toMatch(/^\/var\/lib\/ports\/registry-\w+\/data$/)
    } else {
      expect(dataDirectory).toBe(join(realpathSync(home), 'data'))
    }
    expect(statSync(home).mode & 0o777).toBe(0o700)
    await once(inHome(home), (program) => program.stop())
    await expectApiKept(inHome(home))
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

  it('may have a path too long for a socket, which then is elsewhere', async () => {
    const home = freshHome(join('long'.repeat(20), 'longer'.repeat(20)))
    const { dataDirectory, socketDirectory } = await makeRegistry(inHome(home))
    expect(dataDirectory).toBe(join(realpathSync(home), 'data'))
    expect(socketDirectory).toMatch(/^\/tmp\/ports-[0-9a-f]{16}$/)
    expect(statSync(socketDirectory!).mode & 0o777).toBe(0o700)
    await once(inHome(home), (program) => program.stop())
    await expectApiKept(inHome(home))

    // Under /tmp, anyone could have been there first.
    await once(inHome(home), (program) => program.stop())
    rmSync(socketDirectory!, { recursive: true })
    mkdirSync(socketDirectory!)
    chmodSync(socketDirectory!, 0o777)
    expectRefusal(await once(inHome(home), getApi), 'DATABASE_UNAVAILABLE', socketDirectory!)
    rmSync(socketDirectory!, { recursive: true })
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

describe('the embedded database is there again', () => {
  it('after kill -9 of the server', async () => {
    const home = freshHome()
    const { pid } = await makeRegistry(inHome(home))
    process.kill(pid!, 'SIGKILL')
    await expectApiKept(inHome(home))
  })

  it('after kill -9 of the server and every process of it', async () => {
    const home = freshHome()
    killServer(await makeRegistry(inHome(home)))
    await expectApiKept(inHome(home))
  })

  it('for twenty processes at once, right after kill -9', async () => {
    const home = freshHome()
    const { pid } = await makeRegistry(inHome(home))
    const programs = numbers(1, 20).map(() => open(inHome(home)))
    process.kill(pid!, 'SIGKILL')
    const answers = await Promise.all(
      programs.map((program, nth) => program.get('consilio', nth === 0 ? 'api' : `service-${nth}`)),
    )
    expect(answers.flatMap(({ error }) => error ?? [])).toEqual([])
    const ports = answers.map(({ result }) => result!)
    expect(ports[0]).toBe(3100)
    expect(ascending(ports)).toEqual(numbers(3100, 3119))
  })

  // The server then ends all its backends and recovers, without going down itself.
  it('for all who ask while it recovers from the kill -9 of one of its processes', async () => {
    const home = freshHome()
    const { pid } = await makeRegistry(inHome(home))
    const programs = numbers(1, 10).map(() => open(inHome(home)))
    for (const round of numbers(1, 3)) {
      process.kill(childOf(pid!), 'SIGKILL')
      const answers = await Promise.all(
        programs.map((program, nth) => program.get('consilio', `service-${round}-${nth}`)),
      )
      expect(answers.flatMap(({ error }) => error ?? [])).toEqual([])
    }
    expect((await once(inHome(home), (program) => program.status())).result!.pid).toBe(pid)
  })

  it('and can be stopped while it recovers', async () => {
    const home = freshHome()
    const { pid } = await makeRegistry(inHome(home))
    process.kill(childOf(pid!), 'SIGKILL')
    expect((await once(inHome(home), (program) => program.stop())).result).toBe(true)
    expect(existsSync(join(home, 'data', 'postmaster.pid'))).toBe(false)
    await expectApiKept(inHome(home))
  })

  // In the order in which they come to be.
  it.each([
    ['unfinished data', /^data\.unfinished-/],
    ['finished data', /^data$/],
    ['a directory for the socket', /^run$/],
  ])('after kill -9 of the process that makes it, as soon as there is %s', async (_what, name) => {
    const home = freshHome()
    const maker = open(inHome(home))
    const appeared = appearance(home, name)
    const answer = getApi(maker).catch(() => 'killed')
    await appeared
    await maker.end('SIGKILL')
    expect(await answer).toBe('killed')
    const left = readdirSync(home)
    expect(left.some((file) => name.test(file))).toBe(true)
    await expectMade(home, open(inHome(home)), left.includes('data') ? 0 : 1)
  })

  it('after kill -9 of the process that makes it, while the programs that it started go on', async () => {
    const home = freshHome()
    const next = open(inHome(home))
    // So that it has its code loaded and comes before those programs have ended.
    await next.status()
    const maker = open(inHome(home))
    const answer = getApi(maker).catch(() => 'killed')
    const tables = join(home, `data.unfinished-${maker.pid}`, 'base', '1')
    await vi.waitUntil(() => existsSync(tables) && readdirSync(tables).length > 100, {
      interval: 1,
      timeout: 30_000,
    })
    await maker.end('SIGKILL')
    expect(await answer).toBe('killed')
    await expectMade(home, next, 1)
  })

  it('after kill -9 of root before it gave the socket’s directory to the server', async ({
    skip,
  }) => {
    if (!isRoot) skipBecause(skip, 'only root’s server has an account of its own')
    const home = freshHome()
    const { socketDirectory } = await makeRegistry(inHome(home))
    await once(inHome(home), (program) => program.stop())
    rmSync(socketDirectory!, { recursive: true })
    mkdirSync(socketDirectory!, { mode: 0o700 })
    await expectApiKept(inHome(home))
  })

  it('and the attempt is taken up where it was, where the data are outside the home', async ({
    skip,
  }) => {
    if (!isRoot) skipBecause(skip, 'only root’s registries are outside such a home')
    const root = '/var/lib/ports'
    let attempt = ''
    onTestFinished(() => rmSync(attempt, { recursive: true, force: true, maxRetries: 10 }))
    const home = freshHome('home', 0o700)
    const maker = open(inHome(home))
    const answer = getApi(maker).catch(() => 'killed')
    // Others make registries there too; the unfinished data bear the pid of their maker.
    attempt = await vi.waitUntil(
      () =>
        readdirSync(root)
          .map((name) => join(root, name))
          .find((directory) => existsSync(join(directory, `data.unfinished-${maker.pid}`))),
      { interval: 5, timeout: 30_000 },
    )
    await maker.end('SIGKILL')
    expect(await answer).toBe('killed')
    expect(readlinkSync(join(home, 'data'))).toBe(join(attempt, 'data'))
    expect(existsSync(join(attempt, 'data'))).toBe(false)

    const { dataDirectory } = await makeRegistry(inHome(home))
    expect(dataDirectory).toBe(join(attempt, 'data'))
    expect(readdirSync(attempt).filter((file) => file.startsWith('data'))).toEqual(['data'])
  })

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

  it('for a program that has it open', async () => {
    const home = freshHome()
    const program = open(inHome(home))
    await getApi(program)
    const { result: first } = await program.status()
    expect((await once(inHome(home), (other) => other.stop())).result).toBe(true)
    expect(await getApi(program)).toEqual({ result: 3100, notices: [] })
    const { result: second } = await program.status()
    expect(second!.running).toBe(true)
    expect(second!.pid).not.toBe(first!.pid)

    killServer(second!)
    // Meanwhile the program comes to know that its connection is gone.
    expect((await once(inHome(home), (other) => other.status())).result).toMatchObject({
      running: false,
    })
    expect(await getApi(program)).toEqual({ result: 3100, notices: [] })
    expect((await program.get('consilio', 'web')).result).toBe(3101)
  })
})

describe('the embedded database lets nobody in but its owner', () => {
  // Not nobody, whom the server may have to run as.
  const stranger = (skip: (note: string) => never) => otherUser(skip, 'daemon')

  it('and root, through every command', async ({ skip }) => {
    const other = stranger(skip)
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    const program = open(inHome(home, other))
    const answers = {
      get: await getApi(program),
      start: await program.start(),
      stop: await program.stop(),
      status: await program.status(),
    }
    const refusal = { error: { isPortsError: true, code: 'DATABASE_UNAVAILABLE' } }
    expect(answers).toMatchObject({
      get: refusal,
      start: refusal,
      stop: refusal,
      status: refusal,
    })
    expect(isAlive(status.pid!)).toBe(true)
    await expectApiKept(inHome(home))
  })

  it('by the socket either, not even the account that it runs as', async ({ skip }) => {
    const other = stranger(skip)
    const home = freshHome()
    const { socketDirectory, owner } = await makeRegistry(inHome(home))
    const server = { host: socketDirectory!, database: 'postgres' }
    const connect = async (as: User, user: string) =>
      (await once(inHome(home, as), (program) => program.connect({ ...server, user }))).error?.code
    // The directory is closed to it.
    expect(await connect(other, 'ports')).toBe('EACCES')
    const account = userNamed(owner!)!
    for (const user of ['ports', owner!, 'postgres', 'root']) {
      expect(await connect(account, user)).toBe('28000')
    }
    // The same way in is open to the owner, so it is not closed for another reason.
    expect(await connect({ uid: 0, gid: 0 }, 'ports')).toBeUndefined()
  })
})

describe('a user who is not root', () => {
  it('has a registry of their own, which root may start and stop too', async ({ skip }) => {
    const user = isRoot ? otherUser(skip) : undefined
    const userHome = freshHome('user', 0o700, user)
    const env = { HOME: userHome }
    const own = { env, as: user }
    const home = (await statusOf(own)).home!
    expect(home.startsWith(userHome)).toBe(true)
    onTestFinished(() => removeRegistry(home))

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

    // As sudo does it, which must leave the owner able to go on.
    const asRoot = { env }
    expect((await once(asRoot, (program) => program.stop())).result).toBe(true)
    expect((await once(asRoot, (program) => program.get('consilio', 'web'))).result).toBe(3101)
    await expectApiKept(own)
    expect((await once(own, (program) => program.stop())).result).toBe(true)
    await expectApiKept(own)
    expect((await once(own, (program) => program.stop())).result).toBe(true)
  })

  it('is told where the server’s programs do not run because of the name of the home', async ({
    skip,
  }) => {
    const user = isRoot ? otherUser(skip) : undefined
    // What a shell reads in double quotes, for PostgreSQL's programs find each other through one.
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
    const unknown = (skip: (note: string) => never): User => {
      if (!isRoot) skipBecause(skip, 'only root can run programs as such a user')
      const user = { uid: 54_321, gid: 54_321 }
      if (userNamed(String(user.uid))) skipBecause(skip, `this machine knows uid ${user.uid}`)
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
        expectRefusal(await getApi(program), 'DATABASE_UNAVAILABLE', 'no room for you')
      }
    })
  })
})

describe('databaseStatus', () => {
  it('starts nothing and makes nothing', async () => {
    const parent = place()
    const home = join(parent, 'home')
    expect(await statusOf(inHome(home))).toEqual({ kind: 'embedded', running: false, home })
    expect(readdirSync(parent)).toEqual([])

    mkdirSync(home, { mode: 0o755 })
    expect(await statusOf(inHome(home))).toEqual({ kind: 'embedded', running: false, home })
    expect(readdirSync(home)).toEqual([])
    onTestFinished(() => removeRegistry(home))
    await once(inHome(home), getApi)
    await once(inHome(home), (program) => program.stop())
    const before = readdirSync(home)
    const status = await statusOf(inHome(home))
    expect(status).toMatchObject({ running: false, dataDirectory: expect.any(String) })
    expect(status).not.toHaveProperty('pid')
    expect(status).not.toHaveProperty('schema')
    expect(readdirSync(home)).toEqual(before)
    expect(existsSync(join(status.dataDirectory!, 'postmaster.pid'))).toBe(false)
  })
})

describe('startDatabase and stopDatabase', () => {
  it('refuse where PORTS_DATABASE_URL names a database, and show no password', async () => {
    const home = join(place(), 'home')
    const url = 'postgresql://user:secret@127.0.0.1:1/registry'
    const program = open({ env: { PORTS_HOME: home, PORTS_DATABASE_URL: url } })
    for (const answer of [await program.start(), await program.stop()]) {
      expectRefusal(answer, 'INVALID_ARGUMENT', 'PORTS_DATABASE_URL', /user:\*\*\*@127/)
      expect(JSON.stringify(answer)).not.toContain('secret')
    }
    expect(existsSync(home)).toBe(false)
  })
})
