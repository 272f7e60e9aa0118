import { createHash } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { skipBecause } from '@ports/testkit/vitest'
import pg from 'pg'
import { expect, it } from 'vitest'
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
import { isRoot } from './users.js'

/** Every file below the directory, with a digest of what is in it. */
function contents(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    // Each attempt to start records its process in the lock.
    .filter((entry) => entry.isFile() && entry.name !== 'ports-server.lock')
    .map((entry) => join(entry.parentPath, entry.name))
  return Object.fromEntries(
    files.map((file) => [file, createHash('sha1').update(readFileSync(file)).digest('hex')]),
  )
}

async function inDatabase(socketDirectory: string, database: string, statement: string) {
  const client = new pg.Client({ host: socketDirectory, user: 'ports', database })
  await client.connect()
  await client.query(statement)
  await client.end()
}

it('a damaged data directory is named, with what to do, and left as it is', async () => {
  const home = freshHome()
  const { dataDirectory } = await makeRegistry(inHome(home))
  const data = dataDirectory!
  const program = open(inHome(home))
  await program.stop()
  for (const lost of ['PG_VERSION', 'global/pg_control', 'pg_wal', 'global']) {
    renameSync(join(data, lost), join(home, 'lost'))
    const before = contents(data)
    for (const answer of [await getApi(program), await program.start(), await getApi(program)]) {
      expectRefusal(answer, 'DATABASE_UNAVAILABLE', data, 'backup', 'start over')
    }
    expect(contents(data), lost).toEqual(before)
    renameSync(join(home, 'lost'), join(data, lost))
  }
  const version = readFileSync(join(data, 'PG_VERSION'), 'utf8')
  writeFileSync(join(data, 'PG_VERSION'), '9.6\n')
  expectRefusal(await getApi(program), 'DATABASE_UNAVAILABLE', data, '9.6')
  writeFileSync(join(data, 'PG_VERSION'), version)
  await expectApiKept(inHome(home))
})

it('an empty data directory is not taken for a new one', async () => {
  const home = freshHome()
  const { dataDirectory } = await makeRegistry(inHome(home))
  const data = dataDirectory!
  const program = open(inHome(home))
  await program.stop()
  renameSync(data, join(home, 'kept'))
  const { uid, gid } = statSync(join(home, 'kept'))
  mkdirSync(data, { mode: 0o700 })
  chownSync(data, uid, gid)
  expectRefusal(await getApi(program), 'DATABASE_UNAVAILABLE', data, 'backup')
  expect(readdirSync(data)).toEqual([])
  rmSync(data, { recursive: true })
  renameSync(join(home, 'kept'), data)
  expect(await getApi(program)).toEqual({ result: 3100, notices: [] })
})

// The home is on a permanent disk. The disk of the data is temporary or not mounted yet.
it('data that were elsewhere and are not there are not made anew', async ({ skip }) => {
  if (!isRoot) skipBecause(skip, 'only root’s data are outside such a home')
  const home = freshHome('home', 0o700)
  const { dataDirectory } = await makeRegistry(inHome(home))
  const data = dataDirectory!
  const program = open(inHome(home))
  await program.stop()
  renameSync(data, `${data}.moved`)
  for (const answer of [await getApi(program), await program.start(), await program.status()]) {
    expectRefusal(answer, 'DATABASE_UNAVAILABLE', data, 'Restore it')
  }
  expect(existsSync(data)).toBe(false)
  renameSync(`${data}.moved`, data)
  expect(await getApi(program)).toEqual({ result: 3100, notices: [] })
})

it('a server without the registry’s database is named, and given no other', async () => {
  const home = freshHome()
  const { socketDirectory, dataDirectory } = await makeRegistry(inHome(home))
  await inDatabase(socketDirectory!, 'template1', 'alter database postgres rename to lost')
  const program = open(inHome(home))
  for (const answer of [await getApi(program), await program.start(), await program.status()]) {
    expectRefusal(answer, 'DATABASE_UNAVAILABLE', 'database "postgres"', dataDirectory!)
  }
  await inDatabase(socketDirectory!, 'template1', 'alter database lost rename to postgres')

  await program.stop()
  renameSync(join(dataDirectory!, 'base'), join(home, 'lost'))
  expectRefusal(await getApi(program), 'DATABASE_UNAVAILABLE', dataDirectory!)
  await program.stop()
  renameSync(join(home, 'lost'), join(dataDirectory!, 'base'))
  expect(await getApi(program)).toEqual({ result: 3100, notices: [] })
})

// The state after the creating process was killed before the first migration.
it('a server without the registry’s schema is given one', async () => {
  const home = freshHome()
  const { socketDirectory } = await makeRegistry(inHome(home))
  await inDatabase(socketDirectory!, 'postgres', 'drop schema ports cascade')
  expect((await once(inHome(home), getApi)).result).toBe(3100)
})

it('data that were in the home and are gone are not made again', async () => {
  const home = freshHome()
  const { dataDirectory } = await makeRegistry(inHome(home))
  const program = open(inHome(home))
  await program.stop()
  renameSync(dataDirectory!, join(home, 'elsewhere'))
  // As long as the lock or the server's log shows that there was a registry.
  for (const lost of ['nothing', 'run', 'postgres.log']) {
    rmSync(join(home, lost), { recursive: true, force: true })
    for (const answer of [await getApi(program), await program.start(), await program.status()]) {
      expectRefusal(answer, 'DATABASE_UNAVAILABLE', home, 'lost its data', 'second time')
      expect(answer.notices).toEqual([])
    }
    expect(existsSync(dataDirectory!)).toBe(false)
  }
  renameSync(join(home, 'elsewhere'), dataDirectory!)
  expect(await getApi(program)).toEqual({ result: 3100, notices: [] })
  await program.stop()
  rmSync(join(home, 'lock'))
  renameSync(dataDirectory!, join(home, 'elsewhere'))
  expectRefusal(await getApi(program), 'DATABASE_UNAVAILABLE', home, 'lost its data')
  renameSync(join(home, 'elsewhere'), dataDirectory!)
})

it.each(['port_allocations', 'port_allocations_pkey'])(
  'damage to %s is reported as damage, not as a bug',
  async (relation) => {
    const home = freshHome()
    const { socketDirectory, dataDirectory } = await makeRegistry(inHome(home))
    const client = new pg.Client({ host: socketDirectory!, user: 'ports', database: 'postgres' })
    await client.connect()
    const { rows } = await client.query('select pg_relation_filepath($1::regclass) as path', [
      `ports.${relation}`,
    ])
    await client.end()
    await once(inHome(home), (program) => program.stop())
    const file = openSync(join(dataDirectory!, rows[0].path), 'r+')
    for (let page = 0; page < fstatSync(file).size; page += 8192) {
      writeSync(file, Buffer.alloc(4, 0xff), 0, 4, page + 8000)
    }
    closeSync(file)
    const program = open(inHome(home))
    const answers = [
      await program.get('consilio', 'new'),
      await program.list(),
      await program.audit(),
    ]
    const refused = answers.filter(({ error }) => error !== undefined)
    expect(refused.length).toBeGreaterThan(0)
    for (const answer of refused) {
      expectRefusal(answer, 'DATABASE_UNAVAILABLE', 'damaged', 'backup')
    }
  },
)
