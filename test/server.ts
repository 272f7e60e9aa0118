import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
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
 * One server for the whole run: the embedded one, in a registry home of its own, or the one whose
 * programs PORTS_TEST_POSTGRES names the directory of (/usr/lib/postgresql/15/bin). Each test file
 * takes a database from the template: migrated, with the default ranges. Tests of the embedded
 * server itself start their own.
 */
export default async function setup(project: TestProject) {
  const home = mkdtempSync(join(tmpdir(), 'ports-test-'))
  // Under root, so that the data is here too and goes with it.
  chmodSync(home, 0o755)
  process.env.PORTS_HOME = home
  useOwnSettings(home)
  const bin = process.env.PORTS_TEST_POSTGRES
  const server = bin ? await startInstalled(bin, home) : await startEmbedded(home)
  const admin = new pg.Client({
    connectionString: databaseUrlOn(server.socketDirectory, 'postgres'),
  })
  await admin.connect()
  for (const name of ['template_empty', 'template_seeded']) {
    await admin.query(`create database ${name}`)
    await migrate({ url: databaseUrlOn(server.socketDirectory, name) })
  }
  await seed({ url: databaseUrlOn(server.socketDirectory, 'template_seeded') })
  const { rows } = await admin.query('show server_version')
  process.stderr.write(`On PostgreSQL ${rows[0].server_version}.\n`)
  await admin.end()
  project.provide('socketDirectory', server.socketDirectory)

  return async () => {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
}
