import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freshDatabase, sql, unmigratedDatabase } from '../../../test/database.js'
import { BINARY, ended, environmentOn, portsOn } from './ports.js'
import { tcpServer } from './tcpServer.js'

interface Finding {
  readonly check: string
  readonly state: string
  readonly message: string
  readonly fix?: string
}

interface Told {
  readonly ok: boolean
  readonly findings: readonly Finding[]
  readonly status: number | null
}

/** What `ports doctor --json` tells of a registry. */
async function told(url: string, more: Readonly<Record<string, string>> = {}): Promise<Told> {
  const { stdout, stderr, status } = await portsOn(url, more)('doctor', '--json')
  expect(stderr).toBe('')
  return { ...JSON.parse(stdout), status }
}

function of(check: string, { findings }: Told): readonly Finding[] {
  return findings.filter((finding) => finding.check === check)
}

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ports-doctor-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** The names, sizes and times of change of all files below a directory. */
function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => {
      const { size, mtimeMs } = statSync(join(directory, name))
      return `${name} ${size} ${mtimeMs}`
    })
}

test('a healthy registry has no problem', async () => {
  const doctor = await told(await freshDatabase())
  expect(doctor).toMatchObject({ ok: true, status: 0 })
  expect(doctor.findings.filter(({ state }) => state === 'problem')).toEqual([])
  const messages = of('database', doctor).map(({ message }) => message)
  expect(messages).toEqual([
    expect.stringMatching(/^postgresql:.* because PORTS_DATABASE_URL names it\. It answers\.$/),
    expect.stringMatching(/^Migrated: \d+ migrations applied, none pending\.$/),
    expect.stringMatching(/^\d+ of \d+ connections are open\.$/),
  ])
  const versions = of('versions', doctor)
  expect(versions.map(({ message }) => message.split(' ')[0])).toEqual([
    'ports',
    'Node',
    'PostgreSQL',
  ])
  expect(versions.every(({ state }) => state === 'ok')).toBe(true)
})

test('each finding has a check, a state and a message, and one that is not ok has a fix', async () => {
  const { findings } = await told(await unmigratedDatabase())
  for (const { state, ...finding } of findings) {
    expect(['ok', 'warning', 'problem', 'unknown']).toContain(state)
    const { fix, ...rest } = finding
    expect(rest).toEqual({ check: expect.any(String), message: expect.any(String) })
    if (['warning', 'problem'].includes(state)) expect(fix).toEqual(expect.any(String))
  }
})

test('a person reads a line for each finding, the fix below it, and a summary', async () => {
  const { stdout, status } = await portsOn(await unmigratedDatabase())('doctor')
  expect(status).toBe(1)
  expect(stdout).toMatch(
    /\nproblem {2}database .*Not migrated: .*\n {9}fix: ports db migrate\n(.*\n)*\n\d+ problems?, /,
  )
})

test('without a registry, it says how to make one and makes none', async () => {
  const directory = newDirectory()
  const doctor = await told('', { PORTS_HOME: join(directory, 'registry') })
  expect(doctor).toMatchObject({ ok: true, status: 0 })
  expect(of('database', doctor)).toMatchObject([
    { state: 'warning', fix: expect.stringContaining('ports get') },
  ])
  expect(readdirSync(directory)).toEqual([])
})

test('a database that cannot be reached is a problem, and the other checks still run', async () => {
  const server = await tcpServer(() => {})
  await server[Symbol.asyncDispose]()
  const doctor = await told(server.url)
  expect(doctor).toMatchObject({ ok: false, status: 1 })
  expect(of('database', doctor)).toMatchObject([
    {
      state: 'problem',
      message: expect.stringContaining('The database cannot be reached'),
      fix: 'Start that server, or correct PORTS_DATABASE_URL.',
    },
  ])
  expect(of('versions', doctor)).toMatchObject([{ state: 'ok' }, { state: 'ok' }])
  expect(JSON.stringify(doctor)).not.toContain('secret')
})

test('a database that is not migrated is a problem, and stays so', async () => {
  const url = await unmigratedDatabase()
  const doctor = await told(url)
  expect(doctor).toMatchObject({ ok: false, status: 1 })
  expect(of('database', doctor)).toContainEqual(
    expect.objectContaining({ state: 'problem', fix: 'ports db migrate' }),
  )
  expect(await sql(url, `select from pg_namespace where nspname = 'ports'`)).toEqual([])
})

test('a database that a later version migrated asks for a newer program', async () => {
  const url = await freshDatabase()
  await sql(
    url,
    `insert into ports._prisma_migrations (id, checksum, migration_name, finished_at)
     values ('later', 'sum', '29991231000000_later', now())`,
  )
  expect(of('database', await told(url))).toContainEqual({
    check: 'database',
    state: 'problem',
    message: 'A later version of ports migrated the database: 29991231000000_later.',
    fix: 'Update ports on this machine.',
  })
})

test('a URL that is none is a problem', async () => {
  const doctor = await told('mysql://ports:secret@localhost/ports')
  expect(of('database', doctor)).toMatchObject([{ state: 'problem' }])
  expect(JSON.stringify(doctor)).not.toContain('secret')
})

test('an embedded registry is healthy, and nothing is started or written', async () => {
  const home = newDirectory()
  const env = environmentOn('', { PORTS_HOME: home })
  const ports = (...args: string[]) => ended(process.execPath, [BINARY, ...args], env)
  const places = [home]
  try {
    expect(await ports('get', 'consilio', 'api')).toMatchObject({ status: 0 })
    const { dataDirectory } = JSON.parse((await ports('db', 'status', '--json')).stdout)
    places.push(dirname(dataDirectory))
    const events = (await ports('history', '--json')).stdout
    expect(await ports('doctor', '--json')).toMatchObject({ status: 0, stderr: '' })
    expect((await ports('history', '--json')).stdout).toBe(events)

    await ports('db', 'stop')
    const before = places.map(filesIn)
    const stopped = await ports('doctor', '--json')
    expect(stopped).toMatchObject({ status: 0, stderr: '' })
    expect(JSON.parse(stopped.stdout).findings).toContainEqual({
      check: 'database',
      state: 'ok',
      message: `Embedded, in ${home}. It does not run; the next call starts it.`,
    })
    expect(places.map(filesIn)).toEqual(before)
    expect(existsSync(join(dataDirectory, 'postmaster.pid'))).toBe(false)
  } finally {
    await ports('db', 'stop')
    for (const place of places) rmSync(place, { recursive: true, force: true })
  }
})
