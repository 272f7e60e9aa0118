import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { projectDirectory, skipBecause } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { composeSchema } from './composeSchema.js'

const textOf = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../deploy/shared/${name}`, import.meta.url)), 'utf8')

test('the Compose file of a shared registry is one by the schema of its specification', () => {
  const validate = composeSchema()
  const document = parse(textOf('compose.yaml'))
  expect(validate(document), JSON.stringify(validate.errors)).toBe(true)
  document.services.migrate.depends_on.database.condition = 'ready'
  expect(validate(document)).toBe(false)
})

test('systemd finds no mistake in the unit of ports watch', ({ skip }) => {
  const analyze = (...args: string[]) =>
    spawnSync('systemd-analyze', args, {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, XDG_RUNTIME_DIR: tmpdir() },
    })
  if (analyze('--version').status !== 0)
    skipBecause(skip, 'systemd-analyze is not here; on Debian: apt-get install systemd')
  // The unit names a program that this machine need not have.
  const unit = textOf('ports-watch.service').replace('%h/.local/bin/ports', process.execPath)
  const directory = projectDirectory({
    'ports-watch.service': unit,
    'broken/ports-watch.service': unit.replace('KillMode=process', 'KillMode=nothing'),
  })
  const verify = (name: string) => analyze('--user', 'verify', join(directory, name))
  expect(verify('ports-watch.service')).toMatchObject({ stdout: '', stderr: '', status: 0 })
  expect(verify('broken/ports-watch.service').stderr).toContain('kill mode')
})
