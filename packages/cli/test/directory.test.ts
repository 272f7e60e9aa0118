import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { CLI, ended, environmentOn, portsIn } from '@ports/testkit'
import { freshDatabase, git, projectDirectory, writeFiles } from '@ports/testkit/vitest'
import { describe, expect, onTestFinished, test } from 'vitest'

const SHOP = { project: 'shop', services: { web: {}, api: {} } }

/** A directory of a project that has a range. */
async function shop(files: Readonly<Record<string, string | object>> = {}) {
  const url = await freshDatabase()
  const directory = projectDirectory({ 'ports.json': SHOP, ...files })
  const ports = portsIn(directory, url)
  const created = await ports('range', 'create', '--start', '7000', '--end', '7099')
  expect(created.stdout).toBe('7000-7099\n')
  return { url, directory, ports }
}

/** A linked worktree of the directory, which is removed with it. */
function worktree(directory: string, name: string): string {
  git(directory, 'init', '--quiet')
  git(directory, 'add', '.')
  git(directory, 'commit', '--quiet', '--message', 'Add the project')
  const path = join(projectDirectory({}), name)
  git(directory, 'worktree', 'add', '--quiet', path)
  return path
}

describe('a command in a directory with a ports.json', () => {
  test('uses its project if none is given', async () => {
    const { url, directory, ports } = await shop()
    const below = join(directory, 'packages', 'web')
    mkdirSync(below, { recursive: true })
    const inBelow = portsIn(below, url)
    expect((await inBelow('get', 'web')).stdout).toBe('7000\n')
    expect((await ports('get', 'web', 'api')).stdout).toBe('7000\n7001\n')
    expect((await ports('get', 'shop', 'web')).stdout).toBe('7000\n')
    expect((await ports('claim', 'web', '7050')).stdout).toBe('7050\n')
    expect((await ports('allocate', 'api', '--count', '2')).stdout).toBe('7002\n7003\n')
    expect((await ports('update', 'web', '--type', 'vite')).stderr).toBe('Updated shop/web.\n')
    expect((await ports('release', 'web')).stderr).toBe(
      'Released 7000/tcp, 7050/tcp of shop/web.\n',
    )
    expect((await ports('release', '--all-services', '--yes')).stderr).toBe(
      'Released 7001/tcp, 7002/tcp, 7003/tcp of shop/api.\n',
    )
    const added = await ports('range', 'add', '--start', '8096', '--json')
    expect(JSON.parse(added.stdout)).toMatchObject({ projectName: 'shop', startPort: 8096 })
  })

  test('uses another project if that is given', async () => {
    const { ports } = await shop()
    await ports('range', 'create', 'blog', '--start', '7100', '--end', '7109')
    expect((await ports('get', 'blog', 'web')).stdout).toBe('7100\n')
    expect((await ports('list', 'blog', '--json')).stdout).toContain('"blog"')
    expect((await ports('release', 'blog', 'web')).stderr).toBe('Released 7100/tcp of blog/web.\n')
  })

  test('does not take the name of its project for a service', async () => {
    const { ports } = await shop()
    for (const command of ['get', 'allocate', 'release']) {
      const { status, stderr } = await ports(command, 'shop')
      expect(status, command).toBe(2)
      expect(stderr, command).toContain('service')
    }
    expect(JSON.parse((await ports('list', '--all', '--json')).stdout)).toEqual([])
  })

  test('lists its project, and all with --all', async () => {
    const { ports } = await shop()
    await ports('range', 'create', 'blog', '--start', '7100', '--end', '7109')
    await ports('get', 'blog', 'web')
    await ports('get', 'web')
    const projectsOf = async (...args: string[]) => {
      const { stdout } = await ports(...args, '--json')
      const rows = [JSON.parse(stdout)].flat() as { projectName: string }[]
      return [...new Set(rows.map(({ projectName }) => projectName))].sort()
    }
    for (const command of ['list', 'summary', 'history']) {
      expect(await projectsOf(command), command).toEqual(['shop'])
      const all = await projectsOf(command, '--all')
      expect(all, command).toEqual(expect.arrayContaining(['blog', 'shop']))
    }
    // The caller may not know which project owns a number.
    expect(await projectsOf('list', '--port', '7100')).toEqual(['blog'])
    expect(await projectsOf('history', '--port', '7100')).toEqual(['blog'])
    const both = await ports('list', 'shop', '--all')
    expect(both.status).toBe(2)
    expect(both.stderr).toContain('give a project, or --all')
  })

  test('is refused if the file is malformed, unless it needs no project', async () => {
    const { directory, ports } = await shop()
    writeFiles(directory, { 'ports.json': { project: 'shop', service: {} } })
    const refused = await ports('get', 'web')
    expect(refused.status).toBe(2)
    expect(refused.stderr).toContain(join(directory, 'ports.json'))
    expect((await ports('get', 'shop', 'web')).status).toBe(2)
    expect((await ports('list', '--all')).status).toBe(0)
  })

  test.runIf(process.platform === 'linux')('is refused if that is a FIFO', async () => {
    const directory = projectDirectory({})
    execFileSync('mkfifo', [join(directory, 'ports.json')])
    const home = join(projectDirectory({}), 'registry')
    const ports = portsIn(directory, '', { PORTS_HOME: home })
    for (const [code, ...words] of [
      ['INVALID_ARGUMENT', 'get', 'shop', 'web'],
      ['INVALID_ARGUMENT', 'list'],
      ['NO_REGISTRY', 'list', '--all'],
      ['NO_REGISTRY', 'release', 'shop', 'web', '--instance', 'login'],
    ] as const) {
      const { stderr } = await ports(...words, '--json')
      expect(JSON.parse(stderr).error.code, words.join(' ')).toBe(code)
    }
  })

  test('makes no registry if it only reads', async () => {
    const home = projectDirectory({})
    const ports = portsIn(projectDirectory({ 'ports.json': SHOP }), '', {
      PORTS_HOME: join(home, 'registry'),
    })
    for (const words of [['get', 'web', '--existing'], ['release', 'web'], ['list']]) {
      const { status, stderr } = await ports(...words, '--json')
      expect(JSON.parse(stderr).error.code, words.join(' ')).toBe('NO_REGISTRY')
      expect(status).toBe(5)
    }
  })

  test('gives a service that it lists the ports that it asks for', async () => {
    const services = {
      web: {},
      callback: { port: 7005 },
      admin: { preferredPort: 7008 },
      dns: { protocols: ['udp'] },
      media: { count: 3, protocols: ['tcp', 'udp'] },
    }
    const url = await freshDatabase()
    const ports = portsIn(projectDirectory({ 'ports.json': { project: 'shop', services } }), url)
    await ports('range', 'create', '--start', '7000', '--end', '7009')
    expect((await ports('get', 'callback')).stdout).toBe('7005\n')
    expect((await ports('get', 'admin')).stdout).toBe('7008\n')
    expect((await ports('get', 'dns')).stdout).toBe('7000\n')
    const media = await ports('get', 'media')
    expect(media.stdout).toBe('7001\n')
    expect(media.stderr).toContain('Allocated just now: shop/media had no port on localhost/tcp.')
    const told = JSON.parse((await ports('env', '--format', 'json')).stdout)
    expect(told).toMatchObject({
      MEDIA_PORTS: '7001,7002,7003',
      DNS_PORT: '7000',
      WEB_PORT: '7000',
    })
    expect(JSON.parse((await ports('list', '--json')).stdout)).toHaveLength(10)
  })

  test('means its project also if --json comes first', async () => {
    const { ports } = await shop()
    expect(JSON.parse((await ports('--json', 'get', 'web')).stdout)).toMatchObject({ port: 7000 })
    const added = await ports('--json', 'range', '--json', 'add', '--start', '8096')
    expect(JSON.parse(added.stdout)).toMatchObject({ projectName: 'shop' })
  })

  test.runIf(process.platform === 'linux')(
    'has no project in a directory that is not UTF-8',
    async () => {
      const { url, directory, ports } = await shop()
      await ports('get', 'web')
      const command = `d=$(printf 'caf\\351'); mkdir "$d"; cd "$d"; exec "$0" "$@"`
      const inOdd = (...args: string[]) =>
        ended('sh', ['-c', command, process.execPath, CLI, ...args], environmentOn(url), directory)
      expect(JSON.parse((await inOdd('list', '--json')).stdout)).toMatchObject([{ port: 7000 }])
      const run = await inOdd('run', '--', 'true')
      expect(run.status).toBe(125)
      expect(run.stderr).toContain('this user may not enter it, or its name is not UTF-8')
    },
  )

  test('needs no project in a directory that was removed', async () => {
    const directory = projectDirectory({})
    const url = await freshDatabase()
    const inRemoved = (...args: string[]) =>
      ended(
        'sh',
        ['-c', 'rm -r "$PWD" && exec "$0" "$@"', process.execPath, CLI, ...args],
        environmentOn(url),
        directory,
      )
    expect((await inRemoved('get', 'consilio', 'web')).stdout).toBe('3100\n')
    mkdirSync(directory)
    expect(await inRemoved('list', '--json')).toMatchObject({ status: 0 })
    mkdirSync(directory)
    const run = await inRemoved('run', '--', 'true')
    expect(run.status).toBe(125)
    expect(run.stderr).toContain('directory')
    expect(run.stderr).not.toContain('a bug')
  })

  test('needs the project elsewhere', async () => {
    const ports = portsIn(projectDirectory({}), await freshDatabase())
    const { status, stderr } = await ports('get', 'web')
    expect(status).toBe(2)
    expect(stderr).toContain("missing required argument 'service'")
  })
})

describe('each worktree', () => {
  test('has its own ports, which no other worktree releases', async () => {
    const { url, directory, ports } = await shop()
    const linked = portsIn(worktree(directory, 'login'), url)
    expect((await ports('get', 'web')).stdout).toBe('7000\n')
    expect((await linked('get', 'web', 'api')).stdout).toBe('7001\n7002\n')
    expect((await linked('get', 'shop', 'web')).stdout).toBe('7001\n')
    expect((await linked('get', 'web', '--existing')).stdout).toBe('7001\n')
    expect((await linked('release', 'web')).stderr).toBe('Released 7001/tcp of shop/web@login.\n')
    expect((await ports('get', 'web', '--existing')).stdout).toBe('7000\n')
    const none = await linked('release', 'web')
    expect(none.status).toBe(1)
    expect(none.stderr).toContain("--instance '(primary)'")
    const primary = portsIn(join(directory), url, { PORTS_INSTANCE: '' })
    expect((await primary('get', 'web')).stdout).toBe('7000\n')
    expect((await linked('get', 'web', '--instance', '(primary)')).stdout).toBe('7000\n')
  })

  test('suggests command lines that name the primary instance correctly', async () => {
    const { url, directory, ports } = await shop()
    await ports('get', 'web')
    const path = worktree(directory, 'login')
    expect((await portsIn(path, url)('get', 'web')).stdout).toBe('7001\n')
    const cleared = await portsIn(path, url, { PORTS_INSTANCE: '' })('get', 'web')
    expect(cleared.stdout).toBe('7000\n')
    const refused = await portsIn(path, url)('range', 'delete', 'shop')
    expect(refused.stderr).toContain("  ports release shop web --instance '(primary)'\n")
    expect(refused.stderr).toContain('  ports release shop web --instance login\n')
  })
})

describe('a project that was moved', () => {
  test('keeps its ports', async () => {
    const { url, directory, ports } = await shop()
    expect((await ports('get', 'web')).stdout).toBe('7000\n')
    const moved = join(projectDirectory({}), 'moved')
    renameSync(directory, moved)
    expect((await portsIn(moved, url)('get', 'web')).stdout).toBe('7000\n')
    const { stdout } = await portsIn(moved, url)('checkouts', '--json')
    expect(JSON.parse(stdout)).toMatchObject([{ directory: moved, instance: '' }])
  })

  test('keeps them too if many ask at once from its new place', async () => {
    const url = await freshDatabase()
    const directory = projectDirectory({ 'ports.json': SHOP })
    const first = (await portsIn(directory, url)('get', 'web', '--create-range')).stdout
    const moved = join(projectDirectory({}), 'moved')
    renameSync(directory, moved)
    const ask = portsIn(moved, url)
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask('get', 'web')))
    expect(new Set(answers.map(({ stdout }) => stdout))).toEqual(new Set([first]))
  })

  test('keeps them also where it is found by a symbolic link', async () => {
    const { url, directory, ports } = await shop()
    expect((await ports('get', 'web')).stdout).toBe('7000\n')
    const link = join(projectDirectory({}), 'link')
    symlinkSync(directory, link)
    expect((await portsIn(link, url)('get', 'web')).stdout).toBe('7000\n')
  })
})

describe('ports prune', () => {
  test('releases the ports of missing directories, unless something listens on them', async () => {
    const { url, directory, ports } = await shop()
    const path = worktree(directory, 'login')
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const linked = portsIn(path, url)
    await linked('get', 'web')
    await linked('range', 'add', '--start', `${port}`)
    expect((await linked('claim', 'api', `${port}`)).stdout).toBe(`${port}\n`)
    expect((await ports('prune')).stderr).toBe('No recorded directory is gone.\n')
    await ports('get', 'web')
    rmSync(path, { recursive: true })

    const asked = await ports('prune')
    expect(asked.status).toBe(2)
    expect(asked.stderr).toContain(`shop@login: ${path} is gone.\n`)
    expect(asked.stderr).toContain('7000/tcp of shop/web@login: nothing listens.\n')
    const pruned = await ports('prune', '--yes')
    expect(pruned.status).toBe(1)
    expect(pruned.stderr).toContain('\nReleased 1 port, kept 1 on which something may listen.\n')
    expect(pruned.stderr).toContain(`${port}/tcp of shop/api@login: process ${process.pid} (`)
    const { stdout } = await ports('list', '--json')
    const held = JSON.parse(stdout).map((it: { port: number }) => it.port)
    expect(held.sort()).toEqual([7001, port].sort())

    server.close()
    const rest = await ports('prune', 'shop', '--yes', '--json')
    expect(rest.status).toBe(0)
    expect(JSON.parse(rest.stdout)).toMatchObject([
      { directory: path, forgotten: true, kept: [], released: [{ port }] },
    ])
    const left = JSON.parse((await ports('checkouts', '--json')).stdout)
    expect(left).toMatchObject([{ directory, instance: '' }])
  })

  test('keeps the ports of the primary instance that are not of the missing directory', async () => {
    const { url, directory, ports } = await shop()
    const elsewhere = portsIn(projectDirectory({}), url)
    expect((await elsewhere('get', 'shop', 'database')).stdout).toBe('7000\n')
    expect((await elsewhere('get', 'shop', 'api')).stdout).toBe('7001\n')
    expect((await ports('get', 'web', 'api')).stdout).toBe('7002\n7001\n')
    expect((await ports('claim', 'web', '7050')).stdout).toBe('7050\n')
    expect((await elsewhere('get', 'shop', 'web', '--hostname', 'nas')).stdout).toBe('7000\n')
    rmSync(directory, { recursive: true })

    const pruned = await elsewhere('prune', 'shop', '--yes')
    expect(pruned.status).toBe(0)
    expect(pruned.stderr).toBe(
      `shop: ${directory} is gone.\n` +
        '  7002/tcp of shop/web: nothing listens.\n' +
        '  7050/tcp of shop/web: nothing listens.\n' +
        '  7000/tcp of shop/database: not known to be of this directory. It is kept.\n' +
        '  7001/tcp of shop/api: not known to be of this directory. It is kept.\n' +
        'Released 2 ports.\n' +
        'To release what is not known to be of a directory: ports release shop database\n' +
        'To release what is not known to be of a directory: ports release shop api\n',
    )
    const held = JSON.parse((await elsewhere('list', 'shop', '--json')).stdout)
    expect(held).toMatchObject([
      { serviceName: 'database', hostname: 'localhost' },
      { serviceName: 'web', hostname: 'nas' },
      { serviceName: 'api', hostname: 'localhost' },
    ])
    expect(JSON.parse((await elsewhere('checkouts', '--json')).stdout)).toEqual([])
  })

  test('releases what ports env allocated in a missing directory', async () => {
    const { url, directory, ports } = await shop()
    expect((await ports('env')).status).toBe(0)
    rmSync(directory, { recursive: true })
    const elsewhere = portsIn(projectDirectory({}), url)
    expect((await elsewhere('prune', 'shop', '--yes')).stderr).toContain('\nReleased 2 ports.\n')
    expect(JSON.parse((await elsewhere('list', 'shop', '--json')).stdout)).toEqual([])
  })
})
