import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freshDatabase } from '../../../test/database.js'
import { BINARY, ended, environmentOn } from './ports.js'
import { portsIn, projectDirectory, writeFiles } from './projectDirectory.js'

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

function git(directory: string, ...args: string[]): void {
  const who = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.com']
  const { status, stderr } = spawnSync('git', [...who, ...args], { cwd: directory })
  expect(status, `${stderr}`).toBe(0)
}

/** A linked worktree of the directory, which goes away with it. */
function worktree(directory: string, name: string): string {
  git(directory, 'init', '--quiet')
  git(directory, 'add', '.')
  git(directory, 'commit', '--quiet', '--message', 'Add the project')
  const path = join(projectDirectory({}), name)
  git(directory, 'worktree', 'add', '--quiet', path)
  return path
}

describe('a command in a directory with a ports.json', () => {
  test('means its project if the words leave the project out', async () => {
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

  test('means another project if that is named', async () => {
    const { ports } = await shop()
    await ports('range', 'create', 'blog', '--start', '7100', '--end', '7109')
    expect((await ports('get', 'blog', 'web')).stdout).toBe('7100\n')
    expect((await ports('list', 'blog', '--json')).stdout).toContain('"blog"')
    expect((await ports('release', 'blog', 'web')).stderr).toBe('Released 7100/tcp of blog/web.\n')
  })

  test('takes its project for no service', async () => {
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
    // Nobody may know whose a number is.
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

  test('makes no registry if it only looks', async () => {
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

  test('needs the project elsewhere', async () => {
    const ports = portsIn(projectDirectory({}), await freshDatabase())
    const { status, stderr } = await ports('get', 'web')
    expect(status).toBe(2)
    expect(stderr).toContain("missing required argument 'service'")
  })
})

describe.runIf(process.platform === 'linux')('a command in a directory', () => {
  /** The built command where a shell is after these words. */
  const portsAfter = (words: string, url: string) => {
    const directory = projectDirectory({ 'ports.json': SHOP })
    return (...args: string[]) => {
      const script = `${words}; exec "$0" "$@"`
      const command = ['-c', script, process.execPath, BINARY, ...args]
      const environment = { PORTS_INSTANCE: 'login', PORTS_CHECKOUT: directory }
      return ended('sh', command, environmentOn(url, environment), directory)
    }
  }
  const GONE = 'mkdir -p gone; cd gone; rmdir ../gone'
  const NOT_UTF8 = `d=$(printf 'caf\\351'); mkdir -p "$d"; cd "$d"`

  test.each([
    ['that is gone', GONE, 'The working directory no longer exists.'],
    ['whose name is not UTF-8', NOT_UTF8, 'The working directory has a name that is not UTF-8: '],
  ])(
    '%s works if the directory does not matter, and is else refused',
    async (_what, words, why) => {
      const { url, ports: elsewhere } = await shop()
      await elsewhere('get', 'web')
      const ports = portsAfter(words, url)
      const listed = await ports('list', '--all', '--json')
      expect(JSON.parse(listed.stdout), listed.stderr).toMatchObject([{ port: 7000 }])
      expect(await ports('claim', 'shop', 'api', '7001', '--instance', 'a')).toMatchObject({
        stdout: '7001\n',
        status: 0,
      })
      const inUse = await ports('range', 'delete', 'shop')
      expect(inUse.status).toBe(4)
      expect(inUse.stderr).toContain('  ports release shop api --instance a\n')
      for (const [status, ...args] of [
        [2, 'list'],
        [2, 'get', 'web'],
        [2, 'claim', 'shop', 'web', '7002'],
        [2, 'env'],
        [2, 'up'],
        [2, 'init'],
        [125, 'run', '--', 'true'],
      ] as const) {
        const refused = await ports(...args)
        expect(refused.stderr, args.join(' ')).toContain(`error: ${why}`)
        expect(refused).toMatchObject({ stdout: '', status })
      }
    },
  )
})

describe('each worktree', () => {
  test('has ports of its own, which no other gives up', async () => {
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
    expect(none.stderr).toContain('PORTS_INSTANCE= for the primary one')
    const primary = portsIn(join(directory), url, { PORTS_INSTANCE: '' })
    expect((await primary('get', 'web')).stdout).toBe('7000\n')
  })

  test('names the primary instance as the command line must', async () => {
    const { url, directory, ports } = await shop()
    await ports('get', 'web')
    const path = worktree(directory, 'login')
    expect((await portsIn(path, url)('get', 'web')).stdout).toBe('7001\n')
    const cleared = await portsIn(path, url, { PORTS_INSTANCE: '' })('get', 'web')
    expect(cleared.stdout).toBe('7000\n')
    const refused = await portsIn(path, url)('range', 'delete', 'shop')
    expect(refused.stderr).toContain('  PORTS_INSTANCE= ports release shop web\n')
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

  test('keeps them also where it is found by a symbolic link', async () => {
    const { url, directory, ports } = await shop()
    expect((await ports('get', 'web')).stdout).toBe('7000\n')
    const link = join(projectDirectory({}), 'link')
    symlinkSync(directory, link)
    expect((await portsIn(link, url)('get', 'web')).stdout).toBe('7000\n')
  })
})

describe('ports prune', () => {
  test('releases what directories that are gone hold, unless something listens there', async () => {
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
})
