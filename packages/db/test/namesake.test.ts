import { PortManager } from '@ports/core'
import { sql, unmigratedDatabase } from '@ports/testkit/vitest'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { migrate, openRepository, seed } from '../src/index.js'
import { hideFromNamesake } from '../src/namesake.js'
import { actingAs, newRole } from './roles.js'

// The tests connect as a role that has the name of the schema, as an application may.

async function searchPath(url: string): Promise<string> {
  const [row] = await sql<{ search_path: string }>(url, 'show search_path')
  return row!.search_path
}

/** Sets the search path of the role in the database. */
async function configure(url: string, path: string): Promise<void> {
  await sql(
    url,
    `do $$ begin
       execute format('alter role ports in database %I set search_path = ${path}', current_database());
     end $$`,
  )
}

describe('a role that has the name of the schema', () => {
  it('does not find the tables of the registry by their names alone', async () => {
    const url = await unmigratedDatabase()
    expect(await searchPath(url)).toBe('"$user", public')
    await migrate({ url })
    expect(await searchPath(url)).toBe('public')
    await sql(url, 'create table events (id integer)')
    const seen = await sql(
      url,
      `select
         to_regclass('allocations') is null as is_hidden,
         'events'::regclass::oid = 'public.events'::regclass as is_own,
         to_regclass('ports.allocations') is not null as is_there`,
    )
    expect(seen).toEqual([{ is_hidden: true, is_own: true, is_there: true }])
    await seed({ url })
    const ports = new PortManager(await openRepository({ url }))
    onTestFinished(() => ports.close())
    expect(await ports.getOrAllocate('consilio', 'web')).toBe(3100)
  })

  it('finds its other schemas as before', async () => {
    const url = await unmigratedDatabase()
    await configure(url, 'app, "$user", "a,b", public')
    expect(await searchPath(url)).toBe('app, "$user", "a,b", public')
    await migrate({ url })
    expect(await searchPath(url)).toBe('app, "a,b", public')
    await configure(url, 'app')
    await migrate({ url })
    expect(await searchPath(url)).toBe('app')
  })

  it('loses its own name when the database is migrated again, by several at once', async () => {
    const url = await unmigratedDatabase()
    await migrate({ url })
    await configure(url, '"$user"')
    await Promise.all([1, 2, 3, 4].map(() => migrate({ url })))
    expect(await searchPath(url)).toBe('')
  })

  it('keeps its search path where the migrating role may not change it, which is told once', async () => {
    const url = await unmigratedDatabase()
    const role = await newRole(url)
    await sql(
      url,
      `do $$ begin
         execute format('grant create on database %I to ${role}', current_database());
       end $$`,
    )
    const told: string[] = []
    const options = { url: actingAs(url, role), notify: (message: string) => told.push(message) }
    expect(await migrate(options)).not.toEqual([])
    expect(told).toEqual([
      'warning: the role ports, which has the name of the schema, finds the tables of the registry ' +
        'where it names no schema. To end that, run as a superuser: alter role ports set ' +
        'search_path = public',
    ])
    expect(await searchPath(url)).toBe('"$user", public')
    await configure(url, 'public')
    expect(await migrate(options)).toEqual([])
    expect(told).toHaveLength(1)
  })

  it('keeps its search path where the migrating role may not change it', async () => {
    const url = await unmigratedDatabase()
    await migrate({ url })
    await configure(url, '"$user", public')
    const client = new pg.Client({ connectionString: actingAs(url, await newRole(url)) })
    onTestFinished(() => client.end())
    await client.connect()
    await client.query('begin')
    expect(await hideFromNamesake(client)).toBe(false)
    await client.query('commit')
    expect(await searchPath(url)).toBe('"$user", public')
  })
})
