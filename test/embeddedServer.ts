import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import {
  type DatabaseStatus,
  migrate,
  seed,
  startDatabase,
  stopDatabase,
} from '../packages/db/src/index.js'
import { databaseUrlOn } from './databaseUrl.js'

/**
 * One embedded server for the whole run, in a registry home of its own. Each test file takes a
 * database from the template: migrated, with the default ranges.
 */
export default async function setup(project: TestProject) {
  delete process.env.PORTS_DATABASE_URL
  delete process.env.PORTS_HOSTNAME
  const home = mkdtempSync(join(tmpdir(), 'ports-test-'))
  // Under root, so that the data is here too and goes with it.
  chmodSync(home, 0o755)
  process.env.PORTS_HOME = home
  const status: DatabaseStatus = await startDatabase()
  const socketDirectory = status.socketDirectory!
  const admin = new pg.Client({ connectionString: databaseUrlOn(socketDirectory, 'postgres') })
  await admin.connect()
  for (const name of ['template_empty', 'template_seeded']) {
    await admin.query(`create database ${name}`)
    await migrate({ url: databaseUrlOn(socketDirectory, name) })
  }
  await seed({ url: databaseUrlOn(socketDirectory, 'template_seeded') })
  await admin.end()
  project.provide('socketDirectory', socketDirectory)

  return async () => {
    process.env.PORTS_HOME = home
    await stopDatabase()
    rmSync(home, { recursive: true, force: true })
  }
}
