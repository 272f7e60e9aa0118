import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { accountNamed, CLI, ended, environmentOn } from '@ports/testkit'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ascending, numbers } from '../sessions.js'
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
  removeRegistry,
  statusOf,
} from './homes.js'
import { serversOf } from './processes.js'

describe('the embedded database', () => {
  it('is made again for a program that was open while it was uninstalled', async () => {
    const home = freshHome()
    const program = open(inHome(home))
    expect(await program.get('consilio', 'api')).toMatchObject({ result: 3100 })
    const env = environmentOn('', { PORTS_HOME: home })
    expect(await ended(process.execPath, [CLI, 'uninstall', '--yes'], env)).toMatchObject({
      status: 0,
    })
    // The first call may find that its connection is broken.
    await program.get('consilio', 'api')
    expect(await program.get('consilio', 'web')).toMatchObject({ result: expect.any(Number) })
  })

  it('is made, and later started, once by fifty processes at once, each with a port of its own', async () => {
    const home = freshHome()
    const programs = numbers(1, 50).map(() => open(inHome(home)))
    const askAll = () =>
      Promise.all(programs.map((program, nth) => program.get('consilio', `service-${nth}`)))
    const made = await askAll()
    expect(made.flatMap(({ error }) => error ?? [])).toEqual([])
    const ports = made.map(({ result }) => result!)
    expect(ascending(ports)).toEqual(numbers(3100, 3149))
    // On a busy machine, some callers get a notice about what they wait for.
    const told = made.flatMap(({ notices }) => notices)
    expect(told.filter((notice) => !notice.startsWith('waiting for '))).toEqual([
      expect.stringMatching(/^made the registry of \S+ in /),
    ])
    const data = join(realpathSync(home), 'data')
    const [first, ...others] = serversOf(data)
    expect(others).toEqual([])

    await programs[0]!.stop()
    const started = await askAll()
    expect(started.flatMap(({ error }) => error ?? [])).toEqual([])
    expect(started.map(({ result }) => result)).toEqual(ports)
    const again = await Promise.all(
      programs.map((program, nth) => program.get('consilio', `other-${nth}`)),
    )
    expect(ascending(again.map(({ result }) => result!))).toEqual(numbers(3150, 3199))
    expect(serversOf(data)).toEqual([expect.any(Number)])
    expect(serversOf(data)).not.toEqual([first])
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

  it('listens on a private socket only, and syncs its writes', async () => {
    const home = freshHome()
    const { socketDirectory, dataDirectory, owner } = await makeRegistry(inHome(home))
    for (const directory of [socketDirectory!, dataDirectory!]) {
      expect(statSync(directory).mode & 0o777).toBe(0o700)
      expect(statSync(directory).uid).toBe(accountNamed(owner!)!.uid)
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
