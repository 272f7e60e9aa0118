import { databaseUrlOn } from '@ports/testkit'
import { sql } from '@ports/testkit/vitest'
import type pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { grantAccess, migrate } from '../../src/index.js'
import { actingAs } from '../roles.js'
import { freshHome, inHome, makeRegistry } from './homes.js'

/**
 * A server on which the role `ports` is an application's and no superuser.
 * @returns URLs of a database for that role, for a superuser, and for the owner of the database
 */
async function serverWithNamesake() {
  const { socketDirectory } = await makeRegistry(inHome(freshHome()))
  const urlOf = (role: string, database: string) =>
    databaseUrlOn(socketDirectory!, database).replace('ports@', `${role}@`)
  const run = <Row extends pg.QueryResultRow>(text: string) =>
    sql<Row>(urlOf('ports_caller', 'postgres'), text)
  await sql(urlOf('ports', 'postgres'), 'alter role ports_caller superuser')
  await run('alter role ports rename to former_ports')
  onTestFinished(async () => {
    await run('drop database app')
    await run('drop role owner; drop role ports; alter role former_ports rename to ports')
  })
  await run('create role ports login; create role owner')
  await run('create database app owner owner')
  const superuser = urlOf('ports_caller', 'app')
  return { namesake: urlOf('ports', 'app'), superuser, owner: actingAs(superuser, 'owner') }
}

const LOOK = `
  select
    current_setting('search_path') as path,
    to_regclass('allocations') is null as is_hidden,
    has_schema_privilege('ports', 'usage') as may_use`

it('a role with the name of the schema is granted rights and does not find the tables by them', async () => {
  const { namesake, superuser, owner } = await serverWithNamesake()
  await migrate({ url: owner })
  expect(await sql(namesake, LOOK)).toEqual([
    { path: '"$user", public', is_hidden: true, may_use: false },
  ])
  const refused = grantAccess('ports', 'use', { url: owner })
  await expect(refused).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: { field: 'role', value: 'ports' },
    message: expect.stringContaining('alter role ports set search_path'),
  })
  expect(await sql(namesake, LOOK)).toMatchObject([{ may_use: false }])

  await grantAccess('ports', 'use', { url: superuser })
  expect(await sql(namesake, LOOK)).toEqual([{ path: 'public', is_hidden: true, may_use: true }])
  await sql(namesake, 'select from ports.allocations')
  await grantAccess('ports', 'read', { url: owner })
})

it('a role with the name of the schema that migrates does not find the tables by name', async () => {
  const { namesake, superuser } = await serverWithNamesake()
  await sql(superuser, 'grant create on database app to ports')
  await migrate({ url: namesake })
  expect(await sql(namesake, LOOK)).toEqual([{ path: 'public', is_hidden: true, may_use: true }])
})
