import { once } from 'node:events'
import { chmodSync, existsSync, renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { isAlive } from '@ports/core'
import { CLI, portsIn } from '@ports/testkit'
import {
  databaseWithOwnNumbers,
  faultyProxy,
  freshDatabase,
  projectDirectory,
  startPorts,
  textUntil,
  writeFiles,
} from '@ports/testkit/vitest'
import { describe, expect, onTestFinished, test } from 'vitest'
import { passTime } from '../../db/test/passTime.js'
import { actingAs, newRole } from '../../db/test/roles.js'

/** Prints its environment. */
const TELL = `const { PATH, ...told } = process.env; console.log(JSON.stringify(told))`
/** Listens until it is ended. */
const serve = (port: string, host: string) =>
  `require('node:net').createServer().listen(${port}, ${host})`
const SHOP = { project: 'shop', services: { web: {}, 'web-api': {} } }

const isLinux = process.platform === 'linux'

/** A directory with programs of these names, which print their command lines. */
function programs(...names: string[]): string {
  return projectDirectory(
    Object.fromEntries(names.map((name) => [name, `#!/bin/sh\necho ${name} "$@"\n`])),
  )
}

describe('ports run', () => {
  test('gives the command its port and those of the project’s other services', async () => {
    const url = await freshDatabase()
    const directory = projectDirectory({ 'ports.json': SHOP })
    const ports = portsIn(directory, url, {
      HOME: '/home/ann',
      PORTS_PASS_OVER: '',
      WEB_PORT: '80',
    })
    const { stdout, stderr, status } = await ports('run', 'web', '--', 'node', '-e', TELL)
    const told = JSON.parse(stdout)
    expect(told).toMatchObject({
      HOME: '/home/ann',
      HOST: '127.0.0.1',
      PORT: told.WEB_PORT,
      WEB_URL: `http://localhost:${told.WEB_PORT}`,
      WEB_API_PORT: expect.stringMatching(/^\d+$/),
      WEB_API_URL: `http://localhost:${told.WEB_API_PORT}`,
      PORTS_PROJECT: 'shop',
      PORTS_INSTANCE: '',
      PORTS_CHECKOUT: directory,
    })
    expect(told.WEB_API_PORT).not.toBe(told.WEB_PORT)
    expect(status).toBe(0)
    expect(stderr).toMatch(
      /^Created the range \d+-\d+ for shop\.\nshop\/web has port \d+, allocated just now\.\n$/,
    )
    const again = await ports('run', 'web', '--', 'node', '-e', TELL)
    expect(again.stderr).toBe(`shop/web has port ${told.PORT}.\n`)
  })

  test('runs the command of ports.json, else the dev script', async () => {
    const url = await databaseWithOwnNumbers('shop', 'blog', 'acme-blog', 'nothing')
    const withCommand = projectDirectory({
      'ports.json': { project: 'shop', services: { web: { command: 'echo $PORT is here' } } },
    })
    const first = await portsIn(withCommand, url)('run')
    expect(first.stdout).toMatch(/^\d+ is here\n$/)
    const withScript = projectDirectory({
      'package.json': { name: '@acme/blog', scripts: { dev: 'echo port $PORT' } },
    })
    const second = await portsIn(withScript, url)('run')
    expect(second.stdout).toMatch(/\nport \d+\n$/)
    expect(second.stderr).toContain('acme-blog/web (named by package.json) has port')
    const withNeither = projectDirectory({ 'package.json': { name: 'nothing' } })
    const third = await portsIn(withNeither, url)('run')
    expect(third).toMatchObject({ stdout: '', status: 125 })
    expect(third.stderr).toContain('Give one after --.')
  })

  test('appends no port to a command that names one, nor an address', async () => {
    const directory = projectDirectory({
      'ports.json': SHOP,
      'package.json': { scripts: { dev: 'vite', api: 'python3 manage.py runserver' } },
    })
    const bin = programs('flask', 'hugo', 'npm', 'pnpm', 'python3', 'storybook')
    const url = await databaseWithOwnNumbers('shop')
    const ports = portsIn(directory, url, { PATH: `${bin}:${process.env.PATH}` })
    const ran = async (line: string) =>
      (await ports('run', 'web', '--', ...line.split(' '))).stdout.trimEnd()
    const { PORT: port } = JSON.parse((await ports('env', 'web', '--format', 'json')).stdout)
    for (const complete of [
      'python3 -m http.server 8123',
      'python3 -m http.server --bind 0.0.0.0 --cgi 8123',
      'python3 manage.py runserver 0.0.0.0:8123',
      'python3 manage.py runserver --noreload 8123',
      'flask --app shop run -p8123',
      'hugo server --port=8123',
      'storybook dev -p 8123',
      'npm run dev -- --port 8123',
      'npm run api -- 8123',
      'pnpm dev --port=8123',
    ]) {
      expect(await ran(complete)).toBe(complete)
    }
    for (const [line, flags] of [
      ['python3 -m http.server', `${port} --bind 127.0.0.1`],
      ['python3 -m http.server -p HTTP/1.1 -d dist', `${port} --bind 127.0.0.1`],
      ['python3 -m http.server --bind 0.0.0.0', port],
      ['python3 -m http.server --bind=::', port],
      ['python3 manage.py runserver -v 2', `127.0.0.1:${port}`],
      ['npm run dev -- --open', `--port ${port} --strictPort`],
      ['npm run api', `-- 127.0.0.1:${port}`],
    ]) {
      expect(await ran(line!)).toBe(`${line} ${flags}`)
    }
  })

  test('appends the port to a program that another one runs, where that is clear', async () => {
    const scripts = {
      dev: 'tsc -b && vite',
      set: 'NODE_ENV=development cross-env TZ=UTC vite',
      nested: 'npm run dev',
      again: 'pnpm run again',
      both: 'vite && echo ended',
      either: 'tsc || vite',
      watched: 'tsc -w & vite',
      quoted: 'echo "a && vite',
    }
    const directory = projectDirectory({
      'ports.json': SHOP,
      'package.json': { scripts },
      'web/package.json': { scripts: { dev: 'vite' } },
    })
    const bin = programs('bunx', 'env', 'npm', 'npx', 'pnpm', 'python3', 'uv', 'yarn')
    const url = await databaseWithOwnNumbers('shop')
    const ports = portsIn(directory, url, { PATH: `${bin}:${process.env.PATH}` })
    const ran = async (line: string) =>
      (await ports('run', 'web', '--', ...line.split(' '))).stdout.trimEnd()
    const { PORT: port } = JSON.parse((await ports('env', 'web', '--format', 'json')).stdout)
    const flags = `--port ${port} --strictPort`
    for (const line of [
      'npx vite',
      'npx --yes vite@7 dev',
      'npx -- vite',
      'bunx --bun vite',
      'npm exec -- vite',
      'pnpm exec vite',
      'pnpm vite',
      'pnpm dlx vite',
      'yarn vite --open',
      'yarn run vite',
      'yarn set',
      'env NODE_ENV=development vite',
      'env NODE_ENV=development npx vite',
      'npm run dev -- --open',
    ]) {
      expect(await ran(line)).toBe(`${line} ${flags}`)
    }
    for (const [line, added] of [
      ['npm exec vite', `-- ${flags}`],
      ['npm run dev', `-- ${flags}`],
      ['npm run nested', `-- -- ${flags}`],
      ['pnpm nested', `-- ${flags}`],
      ['npx @11ty/eleventy@3 --serve', `--port ${port}`],
      ['uv run python3 manage.py runserver', `127.0.0.1:${port}`],
      ['python3 -m uvicorn shop:app', `--port ${port}`],
    ]) {
      expect(await ran(line!)).toBe(`${line} ${added}`)
    }
    for (const line of [
      'npx vite build',
      'npx vite --port 8123',
      'npx -p vite@7 vite',
      'npm exec vite -- --port 8123',
      'pnpm -C web vite',
      'pnpm -r exec vite',
      'yarn exec vite',
      'npm run dev -w web',
      'pnpm --filter web dev',
      'pnpm again',
      ...['both', 'either', 'watched', 'quoted'].map((script) => `npm run ${script}`),
    ]) {
      expect(await ran(line)).toBe(line)
    }
  })

  test.each([
    ['vite', 'vite'],
    ['NODE_ENV=development vite', 'vite'],
    ['cd web && vite', 'vite'],
    ['cd web && npm run dev', 'npm run dev --'],
    ['cd . && npx vite', 'npx vite'],
  ])('appends the port to the command %s in ports.json', async (command, ran) => {
    const directory = projectDirectory({
      'ports.json': { project: 'shop', services: { web: { command } } },
      'web/package.json': { scripts: { dev: 'vite' } },
    })
    const environment = { PATH: `${programs('npm', 'npx', 'vite')}:${process.env.PATH}` }
    const ports = portsIn(directory, await databaseWithOwnNumbers('shop'), environment)
    const { PORT: port } = JSON.parse((await ports('env', 'web', '--format', 'json')).stdout)
    expect((await ports('run')).stdout).toBe(`${ran} --port ${port} --strictPort\n`)
  })

  const PACKAGE = { name: 'shop', scripts: { dev: 'vite' } }
  test.each<[string, string, Record<string, string | object>]>([
    [
      'npm, if its lock file is the nearest',
      'npm run dev -- --port',
      { 'pnpm-lock.yaml': '', 'shop/package-lock.json': '', 'shop/web/package.json': PACKAGE },
    ],
    [
      'npm, if no lock file is in the repository',
      'npm run dev -- --port',
      { 'pnpm-lock.yaml': '', 'yarn.lock': '', 'shop/web/package.json': PACKAGE },
    ],
    [
      'the one that packageManager names before lock files',
      'yarn run dev --port',
      {
        'shop/package.json': { packageManager: 'yarn@4.1.0' },
        'shop/package-lock.json': '',
        'shop/web/package.json': PACKAGE,
      },
    ],
  ])('runs the dev script with %s', async (_which, command, files) => {
    const directory = projectDirectory({ ...files, 'shop/.git/HEAD': 'ref: refs/heads/main\n' })
    const url = await databaseWithOwnNumbers('shop')
    const environment = { PATH: `${programs('npm', 'pnpm', 'yarn')}:${process.env.PATH}` }
    const ports = portsIn(join(directory, 'shop/web'), url, environment)
    expect((await ports('run')).stdout).toContain(`${command} `)
  })

  test('takes no dev script from above the repository', async () => {
    const directory = projectDirectory({
      'package.json': { name: 'home', scripts: { dev: 'echo home' } },
      'shop/ports.json': { project: 'shop', services: { web: {} } },
      'shop/.git/HEAD': 'ref: refs/heads/main\n',
    })
    const ports = portsIn(join(directory, 'shop'), await databaseWithOwnNumbers('shop'))
    const { stdout, stderr, status } = await ports('run')
    expect({ stdout, status }).toEqual({ stdout: '', status: 125 })
    expect(stderr).toContain('package.json has no dev script')
  })

  test.each([
    ['its status', ['node', '-e', 'process.exit(3)'], 3],
    ['128 and the number of the signal', ['node', '-e', 'process.kill(process.pid)'], 143],
    ['127 if there is no such command', ['no-such-command'], 127],
    ['126 if it cannot be run', ['.'], 126],
  ])('ends with %s', async (_what, command, status) => {
    const directory = projectDirectory({ 'ports.json': SHOP })
    const ports = portsIn(
      directory,
      await databaseWithOwnNumbers('shop', 'blog', 'acme-blog', 'nothing'),
    )
    expect((await ports('run', 'web', '--', ...command)).status).toBe(status)
  })

  test('leaves nothing behind if there is nothing that it can start', async () => {
    const url = await freshDatabase()
    const services = { web: {}, api: { port: 3100 }, kept: { port: 40_127, command: 'true' } }
    const directory = projectDirectory({
      'ports.json': { project: 'shop', services },
      'data.txt': 'no program',
    })
    const ports = portsIn(directory, url)
    await ports('reserve', '40127', '--reason', 'a migration')
    const before = (await ports('range', 'list', '--json')).stdout
    for (const [status, ...args] of [
      [125, 'web'],
      [127, 'web', '--', 'no-such-command'],
      [127, 'web', '--', './no-such-command'],
      [126, 'web', '--', './data.txt'],
      [125, 'api', '--', 'true'],
      [125, 'kept'],
    ] as const) {
      const { stdout, stderr, status: ended } = await ports('run', ...args)
      expect({ stdout, ended }, stderr).toEqual({ stdout: '', ended: status })
      expect(stderr).toMatch(/^error: /)
      expect((await ports('range', 'list', '--json')).stdout).toBe(before)
    }
    expect((await ports('run', 'api', '--', 'true')).stderr).toContain('It belongs to consilio.')
    expect((await ports('run', 'kept')).stderr).toContain('a migration')
    expect(JSON.parse((await ports('list', '--all', '--json')).stdout)).toEqual([])
    expect(JSON.parse((await ports('checkouts', '--all', '--json')).stdout)).toEqual([])
  })

  test('makes no registry for a command that does not exist', async () => {
    const home = join(projectDirectory({}), 'registry')
    const ports = portsIn(projectDirectory({ 'ports.json': SHOP }), '', { PORTS_HOME: home })
    expect((await ports('run', 'web', '--', 'no-such-command')).status).toBe(127)
    expect(existsSync(home)).toBe(false)
  })

  test('claims nothing for other services if its own fixed port is held', async () => {
    const url = await databaseWithOwnNumbers('shop')
    const [range] = JSON.parse((await portsIn('/', url)('range', 'list', '--json')).stdout).filter(
      ({ projectName }: { projectName: string }) => projectName === 'shop',
    )
    const [first, second] = [range.startPort, range.startPort + 1]
    const services = { api: { port: first }, web: { port: second } }
    const ports = portsIn(projectDirectory({ 'ports.json': { project: 'shop', services } }), url)
    await ports('claim', 'shop', 'other', `${second}`)
    expect((await ports('run', 'web', '--', 'true')).status).toBe(125)
    const held = JSON.parse((await ports('list', '--json')).stdout)
    expect(held.map(({ port }: { port: number }) => port)).toEqual([second])
  })

  test.each<[string, string[], object]>([
    ['a service that is not in the file', ['run', 'wep', '--', 'true'], SHOP],
    ['no service, although the file has several', ['run', '--', 'true'], SHOP],
    ['an unknown option', ['run', '--strikt'], SHOP],
    ['an unknown field', ['run', 'web', '--', 'true'], { ...SHOP, colour: 'red' }],
    [
      'two services with one variable',
      ['run', 'a-b', '--', 'true'],
      { project: 'shop', services: { 'a-b': {}, a_b: {} } },
    ],
  ])('starts nothing and ends with 125 for %s', async (_what, args, file) => {
    const directory = projectDirectory({ 'ports.json': file })
    const { stdout, stderr, status } = await portsIn(
      directory,
      await databaseWithOwnNumbers('shop', 'blog', 'acme-blog', 'nothing'),
    )(...args)
    expect({ stdout, status }).toEqual({ stdout: '', status: 125 })
    expect(stderr).toMatch(/^error: /m)
  })

  test('takes --json before its name as well', async () => {
    const directory = projectDirectory({ 'ports.json': SHOP })
    const ports = portsIn(directory, await databaseWithOwnNumbers('shop'))
    const command = ['web', '--', 'node', '-e', 'process.exit(3)']
    expect((await ports('--json', 'run', ...command)).status).toBe(3)
    const { stderr, status } = await ports('--json', 'run', 'wep', '--', 'true')
    expect(JSON.parse(stderr).error.code).toBe('INVALID_ARGUMENT')
    expect(status).toBe(125)
  })

  test('starts nothing and ends with 125 if the database is unavailable', async () => {
    const directory = projectDirectory({ 'ports.json': SHOP })
    const ports = portsIn(directory, 'postgresql://ports@127.0.0.1:1/ports')
    const { stdout, stderr, status } = await ports('run', 'web', '--', 'echo', 'started')
    expect({ stdout, status }).toEqual({ stdout: '', status: 125 })
    expect(stderr).toContain('Do not pick a port yourself')
  })

  test('removes the variables that a run of another project has set', async () => {
    const url = await databaseWithOwnNumbers('shop', 'blog', 'acme-blog', 'nothing')
    const blog = projectDirectory({ 'ports.json': { project: 'blog', services: { site: {} } } })
    const shop = projectDirectory({ 'ports.json': SHOP })
    const inner = `cd ${blog} && exec ${process.execPath} ${CLI} run -- node -e '${TELL}'`
    const { stdout } = await portsIn(shop, url)('run', 'web', '--', 'sh', '-c', inner)
    const told = JSON.parse(stdout)
    expect(told).toMatchObject({ PORT: told.SITE_PORT, PORTS_CHECKOUT: blog })
    expect(Object.keys(told).filter((name) => name.startsWith('WEB'))).toEqual([])
  })

  test('passes each signal on once, and waits for the command to end', async () => {
    const directory = projectDirectory({ 'ports.json': SHOP })
    const counting = `
      let count = 0
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => {
        if (++count === 3) setTimeout(() => process.exit(count), 500)
      })
      console.log('ready')
      setInterval(() => {}, 1_000)`
    const child = startPorts(
      directory,
      await databaseWithOwnNumbers('shop', 'blog', 'acme-blog', 'nothing'),
      [...['run', 'web', '--', 'node', '-e', counting]],
    )
    await once(child.stdout, 'data')
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) child.kill(name)
    expect(await once(child, 'exit')).toEqual([3, null])
  })

  test('gives each worktree and clone of a project its own ports', async () => {
    const url = await databaseWithOwnNumbers('shop', 'blog', 'acme-blog', 'nothing')
    const main = projectDirectory({ 'ports.json': SHOP, '.git/HEAD': 'ref: refs/heads/main\n' })
    const linked = projectDirectory({
      'ports.json': SHOP,
      '.git': `gitdir: ${main}/.git/worktrees/login\n`,
    })
    writeFiles(main, { '.git/worktrees/login/commondir': '../..\n' })
    const clone = projectDirectory({ 'ports.json': SHOP })
    const told = []
    // The linked worktree is never the primary instance, even if it is the first.
    for (const directory of [linked, main, clone, linked]) {
      const { stdout } = await portsIn(directory, url)('run', 'web', '--', 'node', '-e', TELL)
      told.push(JSON.parse(stdout))
    }
    const instances = told.map((each) => each.PORTS_INSTANCE)
    expect(instances[1]).toBe('')
    expect(new Set(instances).size).toBe(3)
    expect(instances[3]).toBe(instances[0])
    expect(new Set(told.map((each) => each.PORT)).size).toBe(3)
    expect(told[3].PORT).toBe(told[0].PORT)
  })

  test('gives the instance that the environment names its ports', async () => {
    const url = await databaseWithOwnNumbers('shop')
    const directory = projectDirectory({ 'ports.json': SHOP })
    const tell = ['run', 'web', '--', 'node', '-e', TELL]
    const primary = JSON.parse((await portsIn(directory, url)(...tell)).stdout)
    const ports = portsIn(directory, url, { PORTS_INSTANCE: 'login' })
    const told = JSON.parse((await ports(...tell)).stdout)
    expect(told.PORTS_INSTANCE).toBe('login')
    expect(told.PORT).not.toBe(primary.PORT)
    expect((await ports('get', 'web')).stdout).toBe(`${told.PORT}\n`)
  })

  test('makes a number that a service wants and that nobody owns one of the project', async () => {
    const url = await databaseWithOwnNumbers('blog')
    const services = { web: { preferredPort: 40_123 }, callback: { port: 40_125 } }
    const directory = projectDirectory({ 'ports.json': { project: 'shop', services } })
    const ports = portsIn(directory, url)
    const { stdout, stderr } = await ports('run', 'web', '--', 'node', '-e', TELL)
    expect(JSON.parse(stdout)).toMatchObject({ PORT: '40123', CALLBACK_PORT: '40125' })
    expect(stderr).toContain('Created the range 40125 for shop.\n')
    const again = await ports('run', 'web', '--', 'true')
    expect(again.stderr).toBe('shop/web has port 40123.\n')
  })

  test('needs only the level use if the project has its numbers', async () => {
    const url = await databaseWithOwnNumbers('shop')
    const role = await newRole(url)
    expect((await portsIn('/', url)('db', 'grant', role, 'use')).status).toBe(0)
    const files = { 'ports.json': { project: 'shop', services: { web: {}, api: {} } } }
    const ports = portsIn(projectDirectory(files), actingAs(url, role))
    for (const args of [['run', 'web', '--', 'true'], ['env'], ['up'], ['get', 'web']]) {
      expect(await ports(...args)).toMatchObject({ status: 0 })
    }
    const blog = portsIn(
      projectDirectory({ 'package.json': { name: 'blog' } }),
      actingAs(url, role),
    )
    expect((await blog('run', '--', 'true')).status).toBe(125)
  })

  test('takes the service of the package in which it runs', async () => {
    const url = await databaseWithOwnNumbers('shop')
    const services = { 'shop-web': {}, 'shop-api': {}, redis: {} }
    const root = projectDirectory({
      'ports.json': { project: 'shop', services },
      'package.json': { name: 'shop', scripts: { dev: 'echo all' } },
      'packages/web/package.json': { name: 'shop-web', scripts: { dev: 'echo port $PORT' } },
    })
    const { stdout, stderr } = await portsIn(join(root, 'packages/web'), url)('run')
    expect(stderr).toMatch(/^shop\/shop-web has port \d+/m)
    expect(stdout).toMatch(/\nport \d+\n$/)
    // The script of the repository is not the script of one of several services.
    const redis = await portsIn(root, url)('run', 'redis')
    expect(redis).toMatchObject({ stdout: '', status: 125 })
  })

  test('runs a service though another needs a port that the primary instance holds', async () => {
    const url = await databaseWithOwnNumbers('shop')
    const [range] = JSON.parse((await portsIn('/', url)('range', 'list', '--json')).stdout).filter(
      ({ projectName }: { projectName: string }) => projectName === 'shop',
    )
    const file = { project: 'shop', services: { web: {}, callback: { port: range.startPort } } }
    const main = projectDirectory({ 'ports.json': file })
    const clone = projectDirectory({ 'ports.json': file })
    const tell = ['--', 'node', '-e', TELL]
    const first = await portsIn(main, url)('run', 'web', ...tell)
    expect(JSON.parse(first.stdout).CALLBACK_PORT).toBe(`${range.startPort}`)
    const second = await portsIn(clone, url)('run', 'web', ...tell)
    expect(JSON.parse(second.stdout)).not.toHaveProperty('CALLBACK_PORT')
    expect(second.stderr).toContain(
      `callback has no port here. shop/callback has held port ${range.startPort} on `,
    )
    const whoAndNext =
      `The holder is the checkout in ${main}. ports.json fixes the port of callback, so only one ` +
      'checkout on a host can have it. If it may have another one, write preferredPort instead of ' +
      'port there.\n'
    expect(second.stderr).toContain(whoAndNext)
    const inherited = { CALLBACK_PORT: '1', CALLBACK_URL: 'http://localhost:1' }
    const third = await portsIn(clone, url, inherited)('run', 'web', ...tell)
    for (const name of Object.keys(inherited)) {
      expect(JSON.parse(third.stdout)).not.toHaveProperty(name)
    }
    for (const args of [
      ['run', 'callback', ...tell],
      ['env'],
      ['env', 'callback'],
      ['get', 'callback'],
    ]) {
      const refused = await portsIn(clone, url)(...args)
      const status = args[0] === 'run' ? 125 : 4
      expect(refused, args.join(' ')).toMatchObject({ stdout: '', status })
      expect(refused.stderr).toContain(whoAndNext)
    }
    expect((await portsIn(clone, url)('env', 'web')).status).toBe(0)
  })

  test('leaves the URL of a database, and the choice of the registry, as they are', async () => {
    const services = { database: {}, 'ports-database': {}, web: {} }
    const directory = projectDirectory({ 'ports.json': { project: 'shop', services } })
    const chosen = 'postgresql://ann:secret@db.example.com/shop'
    const url = await databaseWithOwnNumbers('shop')
    const ports = portsIn(directory, url, { DATABASE_URL: chosen, WEB_URL: 'http://old' })
    const told = JSON.parse((await ports('run', 'web', '--', 'node', '-e', TELL)).stdout)
    expect(told).toMatchObject({ DATABASE_URL: chosen, PORTS_DATABASE_URL: url })
    expect(told.WEB_URL).toBe(`http://localhost:${told.PORT}`)
    expect(told.DATABASE_PORT).toMatch(/^\d+$/)
    expect((await ports('env')).stdout).not.toContain('DATABASE_URL')
  })

  test('refuses a directory whose package has the name of a project elsewhere', async () => {
    const url = await databaseWithOwnNumbers('shop', 'blog', 'acme-blog', 'nothing')
    const files = { 'package.json': { name: 'blog' } }
    const first = projectDirectory(files)
    expect((await portsIn(first, url)('run', '--', 'true')).status).toBe(0)
    const second = await portsIn(projectDirectory(files), url)('run', '--', 'true')
    expect(second.status).toBe(125)
    expect(second.stderr).toContain(first)
  })

  test('gives a project that package.json names its port also where it was moved', async () => {
    const url = await databaseWithOwnNumbers('blog')
    const first = projectDirectory({ 'blog/package.json': { name: 'blog' } })
    const portIn = async (directory: string) => {
      const { stdout, stderr } = await portsIn(directory, url)('run', '--', 'printenv', 'PORT')
      expect(stdout, stderr).not.toBe('')
      return stdout
    }
    const port = await portIn(join(first, 'blog'))
    const moved = join(projectDirectory({}), 'moved')
    renameSync(join(first, 'blog'), moved)
    expect(await portIn(moved)).toBe(port)
    const { stdout } = await portsIn(moved, url)('checkouts', '--json')
    expect(JSON.parse(stdout)).toMatchObject([{ directory: moved, instance: '' }])
    const other = projectDirectory({ 'package.json': { name: 'blog' } })
    const refused = await portsIn(other, url)('run', '--', 'true')
    expect(refused.stderr).toContain(moved)
  })
})

describe.runIf(isLinux)('ports run ends every process that was started', () => {
  test.each<[string, object]>([
    [
      'by a shell',
      {
        'ports.json': {
          project: 'shop',
          services: { web: { command: 'cd . && node server.cjs' } },
        },
      },
    ],
    ['by npm', { 'package.json': { name: 'shop', scripts: { dev: 'cd . && node server.cjs' } } }],
  ])('%s', async (_what, files) => {
    const url = await databaseWithOwnNumbers('shop')
    const server = serve('process.env.PORT', 'process.env.HOST')
    const directory = projectDirectory({
      ...files,
      'server.cjs': `${server}; console.log(process.pid)`,
    })
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      const child = startPorts(directory, url, ['run'])
      let printed = ''
      child.stdout.setEncoding('utf8').on('data', (text) => {
        printed += text
      })
      await textUntil(child.stderr, /Listening/)
      const pid = Number(/^\d+$/m.exec(printed)![0])
      expect(isAlive(pid)).toBe(true)
      child.kill(signal)
      await once(child, 'exit')
      expect(isAlive(pid)).toBe(false)
    }
  })
})

describe.runIf(isLinux)('ports run says that the command listens', () => {
  const ON_ITS_PORT = /^Listening on port (\d+): http:\/\/localhost:\1$/m
  const runs = async (code: string, what: RegExp) => {
    const directory = projectDirectory({ 'ports.json': SHOP })
    const args = ['run', 'web', '--', 'node', '-e', code]
    await textUntil(startPorts(directory, await databaseWithOwnNumbers('shop'), args).stderr, what)
  }

  test('on its port', async () => {
    await runs(serve('process.env.PORT', 'process.env.HOST'), ON_ITS_PORT)
  })

  test('on its port, even if a descendant does', async () => {
    const endsWithItsParent = `process.stdin.resume().on('end', () => process.exit())`
    const child = JSON.stringify(`${serve('process.env.PORT', '"0.0.0.0"')};${endsWithItsParent}`)
    await runs(
      `require('node:child_process').spawn('sh', ['-c', 'node -e "$1"; true', 'sh', ${child}])`,
      ON_ITS_PORT,
    )
  })

  test('on another port, and who holds that port', async () => {
    const url = await databaseWithOwnNumbers('shop')
    const directory = projectDirectory({ 'ports.json': SHOP })
    const ports = portsIn(directory, url)
    const api = JSON.parse((await ports('env', 'web-api', '--format', 'json')).stdout)
    const code = serve(api.PORT, '"127.0.0.1"')
    const whose = `^warning: it listens on ${api.PORT}, which shop/web-api holds, and not on \\d+\\.`
    const child = startPorts(directory, url, ['run', 'web', '--', 'node', '-e', code])
    await textUntil(child.stderr, new RegExp(whose, 'm'))
  })

  test('on another port also if the database that knows whose that is went away', async () => {
    const url = await databaseWithOwnNumbers('shop')
    const directory = projectDirectory({ 'ports.json': SHOP })
    const proxy = await faultyProxy(url)
    const code = `${serve('0', '"127.0.0.1"')}; process.on('SIGTERM', () => process.exit(7)); console.log('started')`
    const child = startPorts(directory, proxy.url, ['run', 'web', '--', 'node', '-e', code])
    await once(child.stdout, 'data')
    await proxy.down()
    await textUntil(
      child.stderr,
      /^warning: it listens on \d+, whose number that is cannot be told now, and not on \d+\./m,
    )
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([7, null])
  })

  test('and kills it with --strict if it does not end', async () => {
    const directory = projectDirectory({ 'ports.json': SHOP })
    const ports = portsIn(directory, await databaseWithOwnNumbers('shop'))
    const code = `process.on('SIGTERM', () => {}); ${serve('0', '"127.0.0.1"')}`
    expect((await ports('run', 'web', '--strict', '--', 'node', '-e', code)).status).toBe(1)
  })

  test('and ends it with --strict if that is another port', async () => {
    const directory = projectDirectory({ 'ports.json': SHOP })
    const ports = portsIn(directory, await databaseWithOwnNumbers('shop'))
    const code = serve('0', '"127.0.0.1"')
    const { stderr, status } = await ports('run', 'web', '--strict', '--', 'node', '-e', code)
    expect(stderr).toMatch(/^warning: it listens on \d+, and not on \d+\./m)
    expect(status).toBe(1)
  })

  test('only on IPv6', async () => {
    const what = /^warning: it listens on port \d+ only on ::1\./m
    await runs(serve('process.env.PORT', '"::1"'), what)
    const both = `{ port: process.env.PORT, host: '::', ipv6Only: true }, () => {}`
    const code = `require('node:net').createServer().listen(${both})`
    await runs(code, /^warning: it listens on port \d+ only on ::\./m)
  })

  test('on another address than that of localhost', async () => {
    const what = /^Listening on port (\d+) of 127\.0\.0\.77 only: http:\/\/127\.0\.0\.77:\1$/m
    await runs(serve('process.env.PORT', '"127.0.0.77"'), what)
  })

  test('and not where a debugger does', async () => {
    const directory = projectDirectory({ 'ports.json': SHOP })
    const late = `setTimeout(() => { ${serve('process.env.PORT', 'process.env.HOST')} }, 5_000)`
    const args = ['run', 'web', '--strict', '--', 'node', '--inspect=127.0.0.1:9231', '-e', late]
    const child = startPorts(directory, await databaseWithOwnNumbers('shop'), args)
    expect(await textUntil(child.stderr, /Listening on port|warning/)).toMatch(
      /\nListening on port/,
    )
  })

  test('starts nothing if the service is already running; with --reuse succeeds', async () => {
    const url = await databaseWithOwnNumbers('shop')
    const directory = projectDirectory({ 'ports.json': SHOP })
    const code = serve('process.env.PORT', 'process.env.HOST')
    const child = startPorts(directory, url, ['run', 'web', '--', 'node', '-e', code])
    await textUntil(child.stderr, /Listening/)
    const ports = portsIn(directory, url)
    const refused = await ports('run', 'web', '--', 'true')
    expect(refused.status).toBe(125)
    expect(refused.stderr).toMatch(/error: web is already running: process \d+ \(node -e /)
    const reused = await ports('run', 'web', '--reuse', '--', 'false')
    expect(reused.status).toBe(0)
    expect(reused.stdout).toMatch(/^http:\/\/localhost:\d+\n$/)
  })

  test('starts nothing if another process listens there, and says which', async () => {
    const url = await databaseWithOwnNumbers('shop')
    const directory = projectDirectory({ 'ports.json': SHOP })
    const ports = portsIn(directory, url)
    const { PORT } = JSON.parse((await ports('env', 'web', '--format', 'json')).stdout)
    const stranger = createServer().listen(Number(PORT), '127.0.0.1')
    onTestFinished(() => {
      stranger.close()
    })
    await once(stranger, 'listening')
    const { stdout, stderr, status } = await ports('run', 'web', '--', 'echo', 'started')
    expect({ stdout, status }).toEqual({ stdout: '', status: 125 })
    expect(stderr).toContain(`process ${process.pid}`)
  })

  test('starts Vite, which ignores PORT, on its port', async () => {
    const require = createRequire(createRequire(import.meta.url).resolve('vitest/package.json'))
    const vite = join(dirname(require.resolve('vite/package.json')), 'bin', 'vite.js')
    const directory = projectDirectory({
      'ports.json': SHOP,
      'index.html': '<!doctype html>',
      'bin/vite': `#!/bin/sh\nexec ${process.execPath} ${vite} "$@"\n`,
    })
    chmodSync(join(directory, 'bin/vite'), 0o755)
    const args = ['run', 'web', '--', './bin/vite']
    const child = startPorts(directory, await databaseWithOwnNumbers('shop'), args)
    expect(await textUntil(child.stderr, /Listening|warning/)).toContain('Listening')
  })
})

describe('ports env', () => {
  test('prints the ports of all services, or of some, for a shell, a file or a program', async () => {
    const url = await freshDatabase()
    const ports = portsIn(projectDirectory({ 'ports.json': SHOP }), url)
    const all = await ports('env')
    expect(all.stdout).toMatch(
      /^export WEB_PORT=(\d+)\nexport WEB_URL=http:\/\/localhost:\1\nexport WEB_API_PORT=/,
    )
    const one = await ports('env', 'web', '--format', 'dotenv')
    expect(one.stdout).toMatch(/^WEB_PORT=(\d+)\nWEB_URL=.*\nPORT=\1\nHOST=127\.0\.0\.1\n/)
    const json = JSON.parse((await ports('env', '--format', 'json')).stdout)
    expect(all.stdout).toContain(`export WEB_API_PORT=${json.WEB_API_PORT}\n`)
  })

  test('writes no file that a shell or a program would read differently', async () => {
    const url = await freshDatabase()
    const names = [`it's`, `a "b" $(c) \`d\``, `it's "$HOME"`]
    const [single, double, both] = names.map((name) => join(projectDirectory({}), name))
    for (const path of [single!, double!, both!]) writeFiles(path, { 'ports.json': SHOP })
    const checkout = async (path: string, format: string) => {
      const ports = portsIn(path, url)
      const { stdout, status } = await ports('env', 'web', '--format', format)
      return { line: /^.*PORTS_CHECKOUT=.*$/m.exec(stdout)?.[0], status }
    }
    expect((await checkout(single!, 'dotenv')).line).toBe(`PORTS_CHECKOUT="${single}"`)
    expect((await checkout(double!, 'dotenv')).line).toBe(`PORTS_CHECKOUT='${double}'`)
    expect(await checkout(both!, 'dotenv')).toEqual({ line: undefined, status: 2 })
    expect((await checkout(both!, 'shell')).status).toBe(0)
  })

  test('prints nothing if it fails', async () => {
    const directory = projectDirectory({ 'ports.json': SHOP })
    const wrong = await portsIn(directory, await freshDatabase())('env', 'web', 'wep')
    expect(wrong).toMatchObject({ stdout: '', status: 2 })
    expect(wrong.stderr).toContain('service is "wep", but must be one of web, web-api.')
    const { stdout, status } = await portsIn(directory, 'postgresql://ports@127.0.0.1:1/p')('env')
    expect({ stdout, status }).toEqual({ stdout: '', status: 5 })
  })
})

describe('ports run --ttl', () => {
  const IDLE = ['node', '-e', 'setInterval(() => {}, 1000)']
  const leaseOf = async (ports: ReturnType<typeof portsIn>) => {
    // The project may have no range yet.
    const held = JSON.parse((await ports('list', '--all', '--json')).stdout)
    return held.map(({ serviceName, leaseEndsAt }: Record<string, string>) => [
      serviceName,
      leaseEndsAt,
    ])
  }

  test('leases the port of the service alone, and renews it while the command runs', async () => {
    const url = await databaseWithOwnNumbers('shop')
    const directory = projectDirectory({ 'ports.json': SHOP })
    const ports = portsIn(directory, url)
    const child = startPorts(directory, url, ['run', 'web', '--ttl', '6s', '--', ...IDLE])
    await textUntil(child.stderr, /shop\/web has port/)
    const [[web, first], [other, none]] = await leaseOf(ports)
    expect([web, other, none]).toEqual(['web', 'web-api', undefined])
    let renewed = first
    while (renewed === first) [[, renewed]] = await leaseOf(ports)
    expect(Date.parse(renewed)).toBeGreaterThan(Date.parse(first))
    child.kill('SIGTERM')
    await once(child, 'exit')
    await passTime(url, 6)
    expect((await ports('list', 'shop')).stdout).not.toContain(' web ')
  })

  test('says that the lease has ended, and ends the command if it is strict', async () => {
    const url = await databaseWithOwnNumbers('shop')
    const directory = projectDirectory({ 'ports.json': SHOP })
    const args = ['run', 'web', '--strict', '--ttl', '2s', '--', ...IDLE]
    const child = startPorts(directory, url, args)
    const said = textUntil(child.stderr, /Ended, because of --strict/)
    const ports = portsIn(directory, url)
    for (let held = []; held.length === 0; ) held = await leaseOf(ports)
    await passTime(url, 10)
    expect(await said).toContain('warning: the lease of shop/web was not renewed.')
    const [status] = await once(child, 'exit')
    expect(status).toBe(1)
  })

  test('leases a fixed port too', async () => {
    const url = await freshDatabase()
    const directory = projectDirectory({
      'ports.json': { project: 'shop', services: { web: { port: 20_001 } } },
    })
    const ports = portsIn(directory, url)
    expect(await ports('run', 'web', '--ttl', '1m', '--', 'true')).toMatchObject({ status: 0 })
    expect(await leaseOf(ports)).toEqual([['web', expect.stringMatching(/^20/)]])
  })
})
