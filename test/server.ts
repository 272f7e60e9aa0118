import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { migrate, seed } from '../packages/db/src/index.js'
import { databaseUrlOn } from './databaseUrl.js'
import { startEmbedded } from './embeddedServer.js'
import { startInstalled } from './installedServer.js'
import { useOwnSettings } from './ownSettings.mjs'

export interface TestServer {
  readonly socketDirectory: string
  stop(): Promise<void>
}

/**
 * Starts a server for each worker: the embedded one, in a registry home of its own, or the one whose
 * programs PORTS_TEST_POSTGRES names the directory of (/usr/lib/postgresql/15/bin). Workers share
 * none, because the history shows no event while an older transaction is open anywhere on the server.
 * Each test file takes databases from a template: migrated, with or without the default ranges. Tests
 * of the embedded server itself start their own.
 */
export default async function setup(project: TestProject) {
  const home = mkdtempSync(join(tmpdir(), 'ports-test-'))
  // Under root, so that the data is here too and goes with it.
  chmodSync(home, 0o755)
  useOwnSettings(home)
  const servers: TestServer[] = []
  for (let worker = 0; worker < project.vitest.config.maxWorkers; worker++) {
    servers.push(await startServer(join(home, `worker-${worker}`)))
  }
  // Programs that name no database must not find the registry of the user who runs this.
  process.env.PORTS_HOME = home
  await Promise.all(servers.map(makeTemplates))
  project.provide(
    'socketDirectories',
    servers.map(({ socketDirectory }) => socketDirectory),
  )
  return async () => {
    for (const server of servers) await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

async function startServer(home: string): Promise<TestServer> {
  mkdirSync(home, { mode: 0o755 })
  process.env.PORTS_HOME = home
  const bin = process.env.PORTS_TEST_POSTGRES
  return bin ? startInstalled(bin, home) : startEmbedded(home)
}

async function makeTemplates({ socketDirectory }: TestServer): Promise<void> {
  const admin = new pg.Client({ connectionString: databaseUrlOn(socketDirectory, 'postgres') })
  await admin.connect()
  // No test ends this server in a way that could lose what is not flushed.
  await admin.query('alter system set fsync = off')
  await admin.query('select pg_reload_conf()')
  for (const name of ['template_empty', 'template_seeded']) {
    await admin.query(`create database ${name}`)
    await migrate({ url: databaseUrlOn(socketDirectory, name) })
  }
  await seed({ url: databaseUrlOn(socketDirectory, 'template_seeded') })
  const { rows } = await admin.query('show server_version')
  process.stderr.write(`On PostgreSQL ${rows[0].server_version}.\n`)
  await admin.end()
}
