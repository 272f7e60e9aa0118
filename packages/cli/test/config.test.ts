import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CLI, ended, environmentOn } from '@ports/testkit'
import { freshDatabase, needs, projectDirectory } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'

const FIELDS = ['databaseUrl', 'hostname', 'actor', 'rangeSize', 'defaultRanges']

/** A user with a settings file, or without, and with no database in the environment. */
function user(content?: object) {
  const directory = projectDirectory(content ? { 'ports/config.json': content } : {})
  const file = join(directory, 'ports', 'config.json')
  const ports = (args: string[], more: Record<string, string> = {}) =>
    ended(process.execPath, [CLI, ...args], {
      ...environmentOn('', { XDG_CONFIG_HOME: directory }),
      ...more,
    })
  return { file, ports, run: (...args: string[]) => ports(args) }
}

test('a command uses the database, the hostname and the actor of the settings file', async () => {
  const databaseUrl = await freshDatabase()
  const { run, ports } = user({ databaseUrl, hostname: 'nas', actor: 'cron', rangeSize: 20 })
  expect(await run('get', 'consilio', 'api')).toMatchObject({ stdout: '3100\n', status: 0 })
  expect(JSON.parse((await run('list', '--json')).stdout)).toMatchObject([
    { port: 3100, hostname: 'nas' },
  ])
  const [latest] = JSON.parse((await run('history', '--json')).stdout)
  expect(latest).toMatchObject({ what: 'allocated', actor: 'cron' })
  expect(await run('range', 'create', 'myapp')).toMatchObject({ stdout: '3600-3619\n' })
  expect(JSON.parse((await run('db', 'status', '--json')).stdout)).toMatchObject({
    kind: 'external',
  })
  const elsewhere = await ports(['list', '--json'], { PORTS_DATABASE_URL: await freshDatabase() })
  expect(elsewhere).toMatchObject({ stdout: '[]\n', status: 0 })
})

test('a command uses what only the file of the machine sets', async ({ skip }) => {
  needs(skip, 'unshare', '-m', 'true')
  const { file } = user({ hostname: 'own' })
  const directory = dirname(dirname(file))
  // An /etc of its own, with a settings file.
  const script = `
    cp -a /etc "$COPY"
    mkdir "$COPY/ports"
    echo '{"hostname":"machine","rangeSize":20}' >"$COPY/ports/config.json"
    mount --bind "$COPY" /etc
    "$NODE" "$CLI" config list --json`
  const { stdout, stderr } = await ended(
    'unshare',
    ['-m', '--propagation', 'private', 'sh', '-ec', script],
    {
      ...environmentOn('', { XDG_CONFIG_HOME: directory }),
      NODE: process.execPath,
      CLI,
      COPY: join(directory, 'etc'),
    },
  )
  expect(stderr).toBe('')
  const from = (field: string) =>
    JSON.parse(stdout).find((it: { field: string }) => it.field === field)
  expect(from('hostname')).toMatchObject({ value: 'own', from: file })
  expect(from('rangeSize')).toMatchObject({ value: 20, from: '/etc/ports/config.json' })
})

test('config list shows each field, where it comes from, and no password', async () => {
  const { file, ports, run } = user({ databaseUrl: 'postgresql://me:hunter2@db.example.com/ports' })
  const { stdout, status } = await ports(['config', 'list'], { PORTS_HOSTNAME: 'nas' })
  expect(status).toBe(0)
  const rows = stdout.trimEnd().split('\n')
  expect(rows[0]).toMatch(/^FIELD +VALUE +FROM$/)
  expect(rows.slice(1).map((row) => row.split(' ')[0])).toEqual(FIELDS)
  expect(rows[1]).toMatch(/^databaseUrl +postgresql:\/\/me:\*\*\*@db\.example\.com\/ports +/)
  expect(rows[1]!.endsWith(` ${file}`)).toBe(true)
  expect(rows[2]).toMatch(/^hostname +nas +PORTS_HOSTNAME$/)
  expect(rows[4]).toMatch(/^rangeSize +100 +default$/)
  const json = await run('config', 'list', '--json')
  expect(JSON.parse(json.stdout)).toContainEqual({
    field: 'hostname',
    value: 'localhost',
    source: 'default',
    from: null,
  })
  expect(stdout + json.stdout).not.toContain('hunter2')
})

test('config set writes what config get prints', async () => {
  const { file, run } = user()
  expect(await run('config', 'set', 'hostname', 'nas')).toEqual({
    stdout: '',
    stderr: `hostname is set in ${file}.\n`,
    status: 0,
  })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(await run('config', 'get', 'hostname')).toEqual({ stdout: 'nas\n', stderr: '', status: 0 })
  const set = await run('config', 'set', 'rangeSize', '20', '--json')
  expect(JSON.parse(set.stdout)).toEqual({ field: 'rangeSize', file })
  expect(JSON.parse((await run('config', 'get', 'rangeSize', '--json')).stdout)).toEqual({
    field: 'rangeSize',
    value: 20,
    source: 'file',
    from: file,
  })
  expect(await run('config', 'set', 'hostname', '')).toMatchObject({
    stderr: `hostname is removed from ${file}.\n`,
    status: 0,
  })
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ rangeSize: 20 })
})

test('config set says that an environment variable takes precedence', async () => {
  const { ports } = user()
  const { stderr } = await ports(['config', 'set', 'hostname', 'nas'], { PORTS_HOSTNAME: 'pi' })
  expect(stderr).toContain('PORTS_HOSTNAME is set in the environment, and takes precedence.')
})

test('config get of a field that is not set ends with 1', async () => {
  expect(await user().run('config', 'get', 'databaseUrl')).toEqual({
    stdout: '',
    stderr: 'databaseUrl is not set.\n',
    status: 1,
  })
})

test('an unknown field is refused with the list of fields, which the help has as well', async () => {
  const { run } = user()
  for (const args of [
    ['get', 'hostnam'],
    ['set', 'hostnam', 'nas'],
  ]) {
    const { stderr, status } = await run('config', ...args)
    expect(status).toBe(2)
    expect(stderr).toContain(`"hostnam", but must be one of ${FIELDS.join(', ')}`)
  }
  const { stdout } = await run('config', 'set', '--help')
  for (const field of FIELDS) expect(stdout).toContain(field)
})

test('a settings file that is wrong fails every command that reads it, and is named', async () => {
  const { file, run } = user({ hostnam: 'nas' })
  for (const args of [
    ['get', 'consilio', 'api'],
    ['list'],
    ['verify', '3100'],
    ['db', 'status'],
    ['config', 'list'],
  ]) {
    const { stdout, stderr, status } = await run(...args, '--json')
    expect({ stdout, status }, args.join(' ')).toEqual({ stdout: '', status: 2 })
    const { error } = JSON.parse(stderr)
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', details: { file } })
    expect(error.message).toContain('"hostnam"')
  }
})

test('db stop of a database that a settings file names says which file', async () => {
  const { file, run } = user({ databaseUrl: 'postgresql://me:hunter2@127.0.0.1:1/ports' })
  const { stderr, status } = await run('db', 'stop')
  expect(status).toBe(2)
  expect(stderr).toContain(
    `databaseUrl is "postgresql://me:***@127.0.0.1:1/ports", but must be unset in ${file}`,
  )
})
