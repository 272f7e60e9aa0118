import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PortManager } from '@ports/core'
import { freshDatabase, sql } from '@ports/testkit/vitest'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openRepository } from '../src/index.js'

const installed = spawnSync('pgbouncer', ['--version'], { encoding: 'utf8' })
const isRoot = process.getuid?.() === 0
if (installed.error || !isRoot) {
  process.stderr.write('PgBouncer is not tested: that needs the program pgbouncer, and root.\n')
}

// It refuses to run as root, and the server to let anyone else in: it runs as the server's account
// with a role of its own, for which that server asks nothing.
describe.skipIf(installed.error || !isRoot)('behind PgBouncer in transaction mode', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ports-pgbouncer-'))
  let direct: string
  let pooled: URL
  let stop: () => void

  beforeAll(async () => {
    direct = await freshDatabase()
    const [settings] = await sql<{ data: string; sockets: string; hba: string; uid: number }>(
      direct,
      `select current_setting('data_directory') as data,
        current_setting('unix_socket_directories') as sockets,
        pg_read_file('pg_hba.conf') as hba`,
    )
    const { uid, gid } = statSync(settings!.data)
    if (!settings!.hba.startsWith('local all pooled trust')) {
      writeFileSync(join(settings!.data, 'pg_hba.conf'), `local all pooled trust\n${settings!.hba}`)
      await sql(direct, 'create role pooled superuser login')
      await sql(direct, 'select pg_reload_conf()')
    }
    // The embedded server names it as seen from its data.
    const server = resolve(settings!.data, settings!.sockets.replaceAll('"', ''))
    writeFileSync(
      join(directory, 'pgbouncer.ini'),
      `[databases]
* = host=${server} port=5432 user=pooled
[pgbouncer]
listen_port = 6432
unix_socket_dir = ${directory}
auth_type = any
pool_mode = transaction
default_pool_size = 3
`,
    )
    chownSync(directory, uid, gid)
    chmodSync(directory, 0o755)
    const bouncer = spawn('pgbouncer', ['-q', join(directory, 'pgbouncer.ini')], {
      uid,
      gid,
      stdio: 'inherit',
    })
    stop = () => bouncer.kill('SIGKILL')
    await vi.waitUntil(() => existsSync(join(directory, '.s.PGSQL.6432')), { timeout: 10_000 })
    pooled = new URL(direct)
    pooled.port = '6432'
    pooled.searchParams.set('host', directory)
  })

  afterAll(() => {
    stop()
    rmSync(directory, { recursive: true, force: true })
  })

  it('works with pgbouncer=true in the URL, in every call and many at once', async () => {
    pooled.searchParams.set('pgbouncer', 'true')
    const repository = await openRepository({ url: pooled.href })
    const ports = new PortManager(repository)
    const given = await Promise.all(
      Array.from({ length: 60 }, (_, nth) => ports.getOrAllocate('consilio', `service-${nth}`)),
    )
    expect(new Set(given).size).toBe(60)
    expect(
      await Promise.all(
        Array.from({ length: 60 }, (_, nth) => ports.getOrAllocate('consilio', `service-${nth}`)),
      ),
    ).toEqual(given)
    expect(await ports.allocate('consilio', 'service-0', { idempotencyKey: 'key' })).toBe(3160)
    expect(await ports.getOrAllocate('consilio', 'service-0', { instance: 'copy' })).toBe(3161)
    expect(await ports.release('consilio', 'service-0', undefined, { instance: 'copy' })).toBe(true)
    expect(await ports.release('consilio', 'service-1')).toBe(true)
    expect(await ports.updatePort('consilio', 'service-2', { description: 'Two' })).toBe(true)
    expect(await ports.listByProject('consilio')).toHaveLength(60)
    expect((await ports.auditPorts()).allocated).toBe(60)
    const range = await ports.createRange({ projectName: 'mine', size: 100 })
    await ports.resizeRange('mine', { startPort: range.startPort, endPort: range.startPort + 9 })
    await ports.deleteRange('mine')
    const { events } = await ports.history({ projectName: 'mine', limit: 10 })
    expect(events.map(({ what }) => what)).toEqual([
      'range-deleted',
      'range-resized',
      'range-created',
    ])
    await repository.close()
  })

  it('says that the URL needs that', async () => {
    pooled.searchParams.delete('pgbouncer')
    await expect(openRepository({ url: pooled.href })).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: expect.stringContaining('needs the parameter pgbouncer=true'),
    })
  })
})
