import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fillServer } from '@ports/testkit'
import { skipBecause } from '@ports/testkit/vitest'
import pg from 'pg'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { DatabaseStatus } from '../../src/index.js'
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
} from './homes.js'
import type { Answer } from './RegistryProgram.js'
import { isRoot } from './users.js'

/** A session as psql has one. */
async function session({ socketDirectory }: DatabaseStatus, user: string): Promise<pg.Client> {
  const client = new pg.Client({ host: socketDirectory!, user, database: 'postgres' })
  client.on('error', () => {})
  onTestFinished(() => client.end())
  await client.connect()
  return client
}

/** The roles of the registry's own sessions. */
async function rolesOfCallers(management: pg.Client): Promise<string[]> {
  const { rows } = await management.query(
    `select distinct usename::text as role
     from pg_stat_activity
     where application_name = 'ports'
       and backend_type = 'client backend'`,
  )
  return rows.map(({ role }) => role)
}

/** Drops the role of callers, as in a registry of an earlier version. */
async function withoutCallers(status: DatabaseStatus): Promise<void> {
  const management = await session(status, 'ports')
  await management.query('drop owned by ports_caller; drop role ports_caller')
  for (const name of ['pg_hba.conf', 'pg_ident.conf']) {
    const file = join(status.dataDirectory!, name)
    const lines = readFileSync(file, 'utf8').split('\n')
    expect(lines.some((line) => line.includes('ports_caller'))).toBe(true)
    writeFileSync(file, lines.filter((line) => !line.includes('ports_caller')).join('\n'))
  }
  await management.query('select pg_reload_conf()')
  await vi.waitUntil(
    () =>
      session(status, 'ports_caller').then(
        () => false,
        ({ message }) => message.includes('no pg_hba.conf entry'),
      ),
    { interval: 10, timeout: 10_000 },
  )
  await management.end()
}

describe('a caller of the embedded registry', () => {
  it('is no superuser, can write no table and cannot turn off triggers', async () => {
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    const program = open(inHome(home))
    await getApi(program)
    expect(await rolesOfCallers(await session(status, 'ports'))).toEqual(['ports_caller'])

    const caller = await session(status, 'ports_caller')
    for (const statement of [
      'set session_replication_role = replica',
      `update ports.port_allocations set status = 'released'`,
      `insert into ports.port_ranges (project_name, start_port, end_port) values ('x', 1, 2)`,
      'delete from ports.port_events',
      'alter table ports.port_allocations disable trigger all',
      'set role ports',
    ]) {
      await expect(caller.query(statement), statement).rejects.toMatchObject({ code: '42501' })
    }
    const { rows } = await caller.query(
      `select ports.get_or_allocate_port('consilio', 'api') as port`,
    )
    expect(rows).toEqual([{ port: 3100 }])
  })

  it('is told which session of the management holds what it needs', async () => {
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    const management = await session(status, 'ports')
    await management.query('begin; lock table ports.port_allocations in share row exclusive mode')
    const answer = await once(inHome(home), (program) => program.get('consilio', 'web'))
    expectRefusal(answer, 'BUSY', 'role ports,', 'idle in transaction')
    await management.end()
  })
})

describe('a full server', () => {
  it('still lets the management in, which says so, and callers in turn', async () => {
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    const program = open(inHome(home))
    const callers = numbers(1, 5).map(() => open(inHome(home)))
    // Their code is loaded then.
    for (const caller of callers) await caller.status()
    let answers: Promise<Answer<number>>[]
    {
      await using sessions = await fillServer(status.socketDirectory!)
      expect(sessions.count).toBe(300)
      expect((await program.start()).result).toMatchObject({ running: true })
      expect(await program.migrate()).toEqual({ result: [], notices: [] })
      answers = callers.map((caller, nth) => caller.get('consilio', `service-${nth}`))
      expect((await program.status()).result).toMatchObject({
        running: true,
        sessions: { open: 300, limit: 300 },
        schema: { pending: [] },
      })
    }
    for (const answer of answers) expect((await answer).error).toBeUndefined()
  })

  it('counts only the sessions that it has let in', async () => {
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    const program = open(inHome(home))
    const { open: before } = (await program.status()).result!.sessions!
    const management = await session(status, 'ports')
    await management.query('create database other')
    await management.query('begin; alter database other rename to another')
    const waiting = new pg.Client({
      host: status.socketDirectory!,
      user: 'ports_caller',
      database: 'other',
    })
    waiting.on('error', () => {})
    const outcome = waiting.connect().catch((error: Error) => error.message)
    await vi.waitUntil(
      async () =>
        (
          await management.query(
            `select from pg_locks
             where not granted and locktype = 'object' and classid = 'pg_database'::regclass`,
          )
        ).rowCount === 1,
      { interval: 10, timeout: 10_000 },
    )
    expect((await program.status()).result!.sessions!.open).toBe(before + 1)
    await management.query('commit')
    expect(await outcome).toBe('database "other" does not exist')
  })
})

describe('a registry that an earlier version made', () => {
  it('gets the role of callers when fifty processes at once open it while it runs', async () => {
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    await withoutCallers(status)
    const programs = numbers(1, 50).map(() => open(inHome(home)))
    const answers = await Promise.all(
      programs.map((program, nth) => program.get('consilio', nth === 0 ? 'api' : `service-${nth}`)),
    )
    expect(answers.flatMap(({ error }) => error ?? [])).toEqual([])
    const ports = answers.map(({ result }) => result!)
    expect(ports[0]).toBe(3100)
    expect(ascending(ports)).toEqual(numbers(3100, 3149))
    expect(await rolesOfCallers(await session(status, 'ports'))).toEqual(['ports_caller'])
    for (const [name, lines] of [
      ['pg_hba.conf', ['local all ports peer map=owner', 'local all ports_caller peer map=owner']],
      [
        'pg_ident.conf',
        expect.arrayContaining([expect.stringMatching(/^owner ".*" ports_caller$/)]),
      ],
    ] as const) {
      const text = readFileSync(join(status.dataDirectory!, name), 'utf8')
      expect(text.trimEnd().split('\n')).toEqual(lines)
      expect(new Set(text.split('\n')).size).toBe(text.split('\n').length)
    }
  })

  it('gets it when it is started', async () => {
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    await withoutCallers(status)
    await once(inHome(home), (program) => program.stop())
    const program = open(inHome(home))
    expect((await program.start()).error).toBeUndefined()
    expect(await getApi(program)).toEqual({ result: 3100, notices: [] })
    expect(await rolesOfCallers(await session(status, 'ports'))).toEqual(['ports_caller'])
  })

  it('serves a sandbox that may not write there, until another process has made the role', async ({
    skip,
  }) => {
    if (process.platform !== 'linux' || !isRoot) {
      skipBecause(skip, 'only root on Linux can make a mount namespace')
    }
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    await withoutCallers(status)
    const readOnly = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    const sandbox = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', readOnly, home]
    const inside = open(inHome(home, undefined, sandbox))
    expect(await getApi(inside)).toEqual({ result: 3100, notices: [] })
    const management = await session(status, 'ports')
    expect(await rolesOfCallers(management)).toEqual(['ports'])
    await inside.end()

    await expectApiKept(inHome(home))
    const after = open(inHome(home, undefined, sandbox))
    expect((await after.get('consilio', 'web')).result).toBe(3101)
    expect(await rolesOfCallers(management)).toEqual(['ports_caller'])
  })
})

describe('callers are let in again', () => {
  it.each([
    ['the role is dropped', 'drop owned by ports_caller; drop role ports_caller'],
    ['it loses its rights', 'drop owned by ports_caller'],
    ['the schema is dropped', 'drop schema ports cascade'],
  ])('after %s', async (_what, loss) => {
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    await (await session(status, 'ports')).query(loss)
    const program = open(inHome(home))
    expect(await getApi(program)).toEqual({ result: 3100, notices: [] })
    expect((await program.list()).result).toHaveLength(1)
    expect(await rolesOfCallers(await session(status, 'ports'))).toEqual(['ports_caller'])
  })
})
