import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { portsIn } from '@ports/testkit'
import {
  databaseWithOwnNumbers,
  onLinux,
  projectDirectory,
  serveIn,
  startPorts,
} from '@ports/testkit/vitest'
import { beforeEach, expect, test } from 'vitest'

const SHOP = { 'ports.json': { project: 'shop', services: { web: {} } } }

beforeEach(({ skip }) => onLinux(skip))

/** A server on the port of shop/web, in a directory whose name would look like a line of its own. */
async function strangerOnWeb() {
  const url = await databaseWithOwnNumbers('shop')
  const directory = projectDirectory(SHOP)
  const ports = portsIn(directory, url)
  const web = Number((await ports('get', 'web')).stdout)
  const place = join(projectDirectory({}), 'x\nforged\tline')
  mkdirSync(place)
  await serveIn(place, web)
  return { url, directory, ports, web }
}

const ESCAPED = 'x\\u{a}forged\\u{9}line'

test('the name of a directory stays on the line of the error that names it', async () => {
  const { ports } = await strangerOnWeb()
  const { stderr, status } = await ports('run', 'web', '--', 'true')
  expect(status).toBe(125)
  expect(stderr).toContain(ESCAPED)
  expect(stderr).not.toMatch(/^forged/m)
})

test('the name of a directory stays on its line in an audit and an explanation', async () => {
  const { ports, web } = await strangerOnWeb()
  for (const command of [['audit'], ['explain', `${web}`]]) {
    const { stdout } = await ports(...command)
    expect(stdout).toContain(ESCAPED)
    expect(stdout).not.toMatch(/^forged/m)
  }
  const { summary } = JSON.parse((await ports('explain', `${web}`, '--json')).stdout)
  expect(summary).toContain(ESCAPED)
})

test('the name of a directory stays on its line in a plan of an import', async () => {
  const { ports } = await strangerOnWeb()
  await ports('release', 'web')
  const { stderr } = await ports('import', '--scan', '--dry-run')
  expect(stderr).toContain(ESCAPED)
  expect(stderr).not.toMatch(/^forged/m)
})

test('each event of a watch is one line', async () => {
  const { url, directory, web } = await strangerOnWeb()
  const child = startPorts(directory, url, ['watch', '--every', '1s'])
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  for (;;) {
    const { value } = await lines.next()
    expect(value).toMatch(/^\d{4}-\d\d-\d\dT/)
    if (!value.includes(` ${web} shop/web: `)) continue
    expect(value).toContain(ESCAPED)
    break
  }
})
