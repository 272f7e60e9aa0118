import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { databaseUrlOn } from '@ports/testkit'
import { sql } from '@ports/testkit/vitest'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  databaseStatus,
  grantAccess,
  openRepository,
  startDatabase,
  stopDatabase,
} from '../../src/index.js'
import { ending } from '../sessions.js'
import {
  CALL_LIST,
  contents,
  ENTRY_POINT_LIST,
  expectRefusal,
  openImpatiently,
  openOn,
  PASSWORD,
  READ_LIST,
  SOME_OF_EACH,
  url,
  WRITE_LIST,
  web,
} from './registry.js'

describe('a server that asks for a password', () => {
  // One server for the whole of it; the environment decides which one is ours.
  let home: string
  let lockedUrl: (password?: string, user?: string) => string
  let adminUrl: string
  let previousHome: string | undefined

  beforeAll(async () => {
    previousHome = process.env.PORTS_HOME
    home = mkdtempSync(join(tmpdir(), 'ports-locked-'))
    // Under root the server has an account of its own, which must get in.
    chmodSync(home, 0o755)
    process.env.PORTS_HOME = home
    const { dataDirectory, socketDirectory } = await startDatabase()
    adminUrl = databaseUrlOn(socketDirectory!, 'postgres')
    const rules = join(dataDirectory!, 'pg_hba.conf')
    // Written into the file that is there, so that it stays its owner's.
    writeFileSync(rules, `local all locked scram-sha-256\n${readFileSync(rules, 'utf8')}`)
    await sql(
      adminUrl,
      `create role locked login password '${PASSWORD}';
       select pg_reload_conf()`,
    )
    await grantAccess('locked', 'admin', { url: adminUrl })
    lockedUrl = (password, user = 'locked') => {
      const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`
      return adminUrl.replace('ports@', `${user}${secret}@`)
    }
    await vi.waitUntil(async () => (await ending(sql(lockedUrl('wrong'), 'select 1'))) === '28P01')
  })

  afterAll(async () => {
    process.env.PORTS_HOME = home
    await stopDatabase()
    if (previousHome === undefined) delete process.env.PORTS_HOME
    else process.env.PORTS_HOME = previousHome
    rmSync(home, { recursive: true, force: true })
  })

  it('lets in a caller that knows it, and shows it to nobody', async () => {
    const repository = await openRepository({ url: lockedUrl(PASSWORD) })
    onTestFinished(() => repository.close())
    expect(await repository.getOrAllocate({ ...web, projectName: 'consilio' })).toBe(3100)
    const status = await databaseStatus({ url: lockedUrl(PASSWORD) })
    expect(JSON.stringify(status)).not.toContain('hunter2')
    expect(status).toMatchObject({ kind: 'external', running: true })
  })

  it.each(ENTRY_POINT_LIST)('is unavailable to %s with a wrong one', async (_name, open) => {
    const error = await expectRefusal(open(lockedUrl(`not ${PASSWORD}`)), 'DATABASE_UNAVAILABLE')
    expect(error.message).toMatch(/password/i)
  })

  it.each(ENTRY_POINT_LIST)('is unavailable to %s without one', async (_name, open) => {
    await expectRefusal(open(lockedUrl()), 'DATABASE_UNAVAILABLE')
  })

  it.each(ENTRY_POINT_LIST)('is unavailable to %s as nobody it knows', async (_name, open) => {
    await expectRefusal(open(lockedUrl(PASSWORD, 'stranger')), 'DATABASE_UNAVAILABLE')
  })

  it.each(CALL_LIST)('is unavailable to %s when it has changed', async (_name, call) => {
    const { repository } = await openOn(lockedUrl(PASSWORD))
    await sql(adminUrl, `alter role locked password 'changed'`)
    onTestFinished(async () => {
      await sql(adminUrl, `alter role locked password '${PASSWORD}'`)
    })
    const before = await contents(adminUrl)
    await expectRefusal(call(repository), 'DATABASE_UNAVAILABLE')
    expect(await contents(adminUrl)).toEqual(before)
    await sql(adminUrl, `alter role locked password '${PASSWORD}'`)
    expect(await repository.listRanges()).toHaveLength(7)
  })

  it.each([
    ['is unavailable to a role that may not log in', 'nologin', 'login', 'DATABASE_UNAVAILABLE'],
    [
      'is BUSY for a role without a connection',
      'connection limit 0',
      'connection limit -1',
      'BUSY',
    ],
  ] as const)('%s', async (_what, forbid, allow, code) => {
    await sql(adminUrl, `alter role locked ${forbid}`)
    try {
      await expectRefusal(openRepository({ url: lockedUrl(PASSWORD) }), code)
    } finally {
      await sql(adminUrl, `alter role locked ${allow}`)
    }
  })
})

describe('a database that takes no writes', () => {
  it.each(WRITE_LIST)('is unavailable to %s and readable nevertheless', async (_name, call) => {
    const { repository } = openImpatiently({ options: '-c default_transaction_read_only=on' })
    const before = await contents()
    await expectRefusal(call(repository), 'DATABASE_UNAVAILABLE')
    for (const [_read, read] of READ_LIST) await read(repository)
    expect(await contents()).toEqual(before)
  })
})

describe('a database in which a role has no rights', () => {
  const withoutRights = () => `${url}&options=${encodeURIComponent('-c role=pg_monitor')}`

  it.each(ENTRY_POINT_LIST)('is unavailable to %s', async (_name, open) => {
    await expectRefusal(open(withoutRights()), 'DATABASE_UNAVAILABLE')
  })

  it.each(SOME_OF_EACH)('is unavailable to %s and as it was', async (_name, call) => {
    const { repository } = await openOn(withoutRights())
    const before = await contents()
    await expectRefusal(call(repository), 'DATABASE_UNAVAILABLE')
    expect(await contents()).toEqual(before)
  })
})
