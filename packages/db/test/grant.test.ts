import { ACCESS_LEVELS, PortManager } from '@ports/core'
import { freshDatabase, sql } from '@ports/testkit/vitest'
import { describe, expect, it, onTestFinished } from 'vitest'
import { grantAccess, migrate, openRepository } from '../src/index.js'
import { migrationNames } from '../src/migrations.js'
import { databaseMadeBy } from './beforeBaseline.js'
import { actingAs, newRole } from './roles.js'

async function managerOf(url: string): Promise<PortManager> {
  const ports = new PortManager(await openRepository({ url }))
  onTestFinished(() => ports.close())
  return ports
}

const READING = {
  list: (ports: PortManager) => ports.listAll(),
  summary: (ports: PortManager) => ports.getProjectSummary('consilio'),
  history: (ports: PortManager) => ports.history({ limit: 10 }),
  hosts: (ports: PortManager) => ports.listHosts(),
  reservations: (ports: PortManager) => ports.listReservations(),
  resting: (ports: PortManager) => ports.listResting(),
  find: (ports: PortManager) => ports.find('consilio', 'web'),
  neighbourhood: (ports: PortManager) => ports.neighbourhood('consilio'),
  sameHostname: (ports: PortManager) => ports.sameCloudflareHostname('odin', 'web', 'a.example'),
}
const USING = {
  get: (ports: PortManager) => ports.getOrAllocate('consilio', 'web'),
  ensure: (ports: PortManager) => ports.ensure('consilio', 'web'),
  claim: (ports: PortManager) => ports.claim('consilio', 'web', 3105),
  move: (ports: PortManager) => ports.move('consilio', 'web', 3106),
  many: (ports: PortManager) => ports.ensureMany('consilio', [{ service: 'rtp', count: 4 }]),
  allocate: (ports: PortManager) => ports.allocate('consilio', 'web'),
  together: (ports: PortManager) =>
    Promise.all([1, 2, 3, 4].map(() => ports.allocate('consilio', 'web'))),
  update: (ports: PortManager) => ports.updatePort('consilio', 'web', { description: 'x' }),
  updateEverywhere: (ports: PortManager) =>
    ports.updatePort('consilio', 'web', { description: 'y' }, { allHosts: true }),
  audit: (ports: PortManager) => ports.auditPorts(),
  lease: (ports: PortManager) => ports.getOrAllocate('consilio', 'ci', { ttlSeconds: 60 }),
  renew: (ports: PortManager) => ports.renew('consilio', 'ci', 600),
  release: (ports: PortManager) => ports.release('consilio', 'web'),
}
const ADMINISTERING = {
  create: (ports: PortManager) => ports.createRange({ projectName: 'new', size: 10 }),
  resize: (ports: PortManager) => ports.resizeRange('consilio', { startPort: 3100, endPort: 3150 }),
  delete: (ports: PortManager) => ports.deleteRange('odin'),
  reserve: (ports: PortManager) => ports.reserve({ startPort: 3108, endPort: 3109 }, 'migration'),
  rest: (ports: PortManager) => ports.setRest('consilio', 60),
  unreserve: (ports: PortManager) => ports.unreserve({ startPort: 3108, endPort: 3109 }),
}
const LEVELS = { read: READING, use: USING, admin: ADMINISTERING }

describe('grantAccess', () => {
  it.each(ACCESS_LEVELS)('lets a role do what %s says, and no more', async (level) => {
    const url = await freshDatabase()
    const role = await newRole(url)
    await grantAccess(role, level, { url })
    const ports = await managerOf(actingAs(url, role))
    const allowed = ACCESS_LEVELS.slice(0, ACCESS_LEVELS.indexOf(level) + 1)
    for (const each of allowed) {
      for (const call of Object.values(LEVELS[each])) await call(ports)
    }
    for (const each of ACCESS_LEVELS.filter((other) => !allowed.includes(other))) {
      for (const call of Object.values(LEVELS[each])) {
        await expect(call(ports)).rejects.toMatchObject({
          code: 'DATABASE_UNAVAILABLE',
          message: expect.stringContaining('lacks a privilege'),
        })
      }
    }
  })

  it('leaves a role its rights when a migration replaces functions', async () => {
    const directory = new URL('../../../prisma/migrations/', import.meta.url)
    const url = await databaseMadeBy(directory, [migrationNames()[0]!])
    const role = await newRole(url)
    await sql(
      url,
      `grant usage on schema ports to ${role};
       grant select on all tables in schema ports to ${role};
       grant execute on function ports.allocate_port, ports.release_ports to ${role}`,
    )
    expect(await migrate({ url })).not.toEqual([])
    const ports = await managerOf(actingAs(url, role))
    await expect(ports.ensure('nobody', 'web')).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' })
    await expect(ports.createRange({ projectName: 'new', size: 10 })).rejects.toMatchObject({
      message: expect.stringContaining('lacks a privilege'),
    })
  })

  it.each(ACCESS_LEVELS)(
    'lets a role with %s write no table and call no inner function',
    async (level) => {
      const url = await freshDatabase()
      const role = await newRole(url)
      await grantAccess(role, level, { url })
      const [rights] = await sql<{ writable: string[]; inner: string[] }>(
        url,
        `select
         array(
           select relname::text
           from pg_class
           where relnamespace = 'ports'::regnamespace
             and relkind in ('r', 'v')
             and has_table_privilege($1, oid, 'insert, update, delete, truncate')
         ) as writable,
         array(
           select proname::text
           from pg_proc
           where pronamespace = 'ports'::regnamespace
             and has_function_privilege($1, oid, 'execute')
             and proname in (
               'hold_slot', 'lock_lowest_slot', 'offer_ports', 'change_metadata', 'note_reservation',
               'expire', 'refuse_lost', 'refuse_durable', 'first_free_at'
             )
         ) as inner`,
        [role],
      )
      expect(rights).toEqual({ writable: [], inner: [] })
    },
  )

  it('lets a role with read see leases and rests', async () => {
    const url = await freshDatabase()
    const role = await newRole(url)
    await grantAccess(role, 'read', { url })
    const owner = await managerOf(url)
    await owner.setRest('consilio', 90)
    await owner.getOrAllocate('consilio', 'web', { ttlSeconds: 60 })
    const ports = await managerOf(actingAs(url, role))
    expect(await ports.listAll()).toMatchObject([{ leaseEndsAt: expect.any(Date) }])
    expect(await ports.getProjectSummary('consilio')).toMatchObject({ restSeconds: 90 })
    expect(
      await sql(
        actingAs(url, role),
        `select project_name, extract(epoch from rest)::integer as seconds,
           (select count(lease_ends_at)::integer from ports.allocations) as leases
         from ports.rests`,
      ),
    ).toEqual([{ project_name: 'consilio', seconds: 90, leases: 1 }])
  })

  it('takes away what a role had before', async () => {
    const url = await freshDatabase()
    const role = await newRole(url)
    await grantAccess(role, 'admin', { url })
    await grantAccess(role, 'read', { url })
    const ports = await managerOf(actingAs(url, role))
    await ports.listAll()
    await expect(USING.get(ports)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  })

  it('refuses the owner of the tables, whose rights the functions use', async () => {
    const url = await freshDatabase()
    const [owner] = await sql<{ name: string }>(url, 'select current_user as name')
    await expect(grantAccess(owner!.name, 'read', { url })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { field: 'role' },
    })
    await USING.get(await managerOf(url))
  })

  it('refuses a role and a level that do not exist, and the embedded database', async () => {
    const url = await freshDatabase()
    const role = await newRole(url)
    for (const [field, call] of [
      ['role', () => grantAccess('nobody-there', 'use', { url })],
      ['level', () => grantAccess(role, 'all' as 'use', { url })],
      ['PORTS_DATABASE_URL', () => grantAccess(role, 'use')],
    ] as const) {
      await expect(call()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', details: { field } })
    }
  })

  it('may be asked by several at once', async () => {
    const url = await freshDatabase()
    const roles = await Promise.all([1, 2, 3, 4].map(() => newRole(url)))
    await Promise.all([...roles, ...roles].map((role) => grantAccess(role, 'use', { url })))
    for (const role of roles) await USING.get(await managerOf(actingAs(url, role)))
  })
})
