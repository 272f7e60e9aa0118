import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { migrate, seed } from '@ports/db'
import {
  databaseUrlOn,
  EmbeddedServer,
  InstalledServer,
  type Server,
  TempResources,
  useHome,
} from '@ports/testkit'
import type { TestProject } from 'vitest/node'

/**
 * Starts a server for each worker: the embedded one, in a registry home of its own, or an installed
 * one. PORTS_TEST_POSTGRES names the directory of its programs (/usr/lib/postgresql/15/bin). Workers
 * do not share a server, because the history shows no event while an older transaction is open
 * anywhere on the server. Each test file copies databases from a template that is migrated, with or
 * without the default ranges. Tests of the embedded server itself start their own.
 */
export default async function setup(project: TestProject) {
  const resources = new TempResources()
  const home = resources.directory('ports-test-')
  useHome(home)
  const servers: Server[] = []
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
    await resources.clear()
  }
}

async function startServer(home: string): Promise<Server> {
  mkdirSync(home, { mode: 0o755 })
  const programs = process.env.PORTS_TEST_POSTGRES
  const server = programs ? new InstalledServer(home, programs) : new EmbeddedServer(home)
  await server.start()
  return server
}

async function makeTemplates(server: Server): Promise<void> {
  // Only a crash of the machine would lose what is not flushed.
  await server.query('alter system set fsync = off')
  await server.query('select pg_reload_conf()')
  for (const name of ['template_empty', 'template_seeded']) {
    await server.query(`create database ${name}`)
    await migrate({ url: databaseUrlOn(server.socketDirectory, name) })
  }
  await seed({ url: databaseUrlOn(server.socketDirectory, 'template_seeded') })
  process.stderr.write(`On PostgreSQL ${server.version}.\n`)
}
