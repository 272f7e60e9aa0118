import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Account, accountNamed, CLI, ended } from '@ports/testkit'
import { freshDatabase, type Skip, skipBecause, sql } from '@ports/testkit/vitest'
import { describe, expect, onTestFinished, test, vi } from 'vitest'

/** A user with an empty home. It is removed when the test ends, with the registry. */
function newcomer(mode = 0o755) {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'ports-uninstall-')))
  chmodSync(home, mode)
  const env = { PATH: process.env.PATH ?? '', HOME: home, PORTS_PASS_OVER: 'none' }
  const ports = (args: string[], more = {}) =>
    ended(process.execPath, [CLI, ...args], { ...env, ...more }, home)
  onTestFinished(async () => {
    await ports(['uninstall', '--yes'])
    await ports(['db', 'stop'])
    rmSync(home, { recursive: true, force: true })
  })
  const registry = join(home, '.local/share/ports')
  return { home, env, registry, ports }
}

const isRoot = process.getuid?.() === 0

/** Another user who can run this checkout. Skips the test if there is none. */
function otherUser(skip: Skip): Account {
  const user = isRoot ? accountNamed('nobody') : undefined
  if (!user) skipBecause(skip, 'only root can run programs as another user')
  const { status } = spawnSync(process.execPath, [CLI, '--version'], { cwd: '/', ...user })
  if (status !== 0) skipBecause(skip, 'no other user can run this checkout')
  return user
}

/** All files below the directory, without directories. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** The command line of the process, empty if it has ended. */
function commandOf(pid: number): string {
  const file = `/proc/${pid}/cmdline`
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

describe('ports uninstall', () => {
  test('shows what it would remove, and removes nothing', async () => {
    const { home, registry, ports } = newcomer()
    await ports(['get', 'consilio', 'api'])
    await ports(['config', 'set', 'rangeSize', '50'])
    const before = filesBelow(home)
    const { stdout, stderr, status } = await ports(['uninstall'])
    expect(status).toBe(1)
    expect(stdout).toMatch(/^server +process \d+$/m)
    for (const path of [`${registry}/data`, `${registry}/lock`, '.config/ports/config.json']) {
      expect(stdout).toContain(path)
    }
    expect(stderr).toContain('To keep a copy of the registry: ports dump > registry.json')
    expect(stderr).toContain('Nothing was removed. To remove this: ports uninstall --yes')
    expect(filesBelow(home)).toEqual(before)
    expect(await ports(['get', 'consilio', 'api'])).toMatchObject({ stdout: '3100\n', stderr: '' })
  })

  test.each([
    ['open to all', 0o755],
    ['closed to all but its owner', 0o700],
  ])('stops the server and leaves no file in a home that is %s', async (_what, mode) => {
    const { home, ports } = newcomer(mode)
    await ports(['get', 'consilio', 'api'])
    await ports(['config', 'set', 'hostname', 'nas'])
    const status = JSON.parse((await ports(['db', 'status', '--json'])).stdout)
    const { stdout } = await ports(['uninstall', '--yes', '--json'])
    const { removed, found } = JSON.parse(stdout)
    expect(removed).toBe(true)
    expect(found).toContainEqual({ kind: 'server', pid: status.pid })
    await vi.waitUntil(() => commandOf(status.pid) === '')
    expect(filesBelow(home)).toEqual([])
    expect(existsSync(join(home, '.local/share/ports'))).toBe(false)
    expect(existsSync(join(home, '.config/ports'))).toBe(false)
    // Under root, the data may have been in a separate directory.
    expect(existsSync(dirname(status.dataDirectory))).toBe(false)
    expect(await ports(['uninstall', '--yes'])).toMatchObject({
      stderr: 'There is nothing of ports to remove.\n',
      status: 0,
    })
  })

  test('leaves files that ports did not make, and says which', async () => {
    const { registry, ports } = newcomer()
    await ports(['get', 'consilio', 'api'])
    const foreign = [
      'notes.txt',
      'postgresql-15/bin/postgres',
      'postgresql-15/mine',
      'backup/data/x',
    ]
    for (const name of foreign) write(join(registry, name), 'mine')
    const { stdout } = await ports(['uninstall', '--yes', '--json'])
    expect(filesBelow(registry)).toEqual(foreign.map((name) => join(registry, name)).sort())
    const kept = ['backup', 'notes.txt', 'postgresql-15'].map((name) => ({
      path: join(registry, name),
      reason: 'ports did not make it',
    }))
    expect(JSON.parse(stdout).kept).toEqual(expect.arrayContaining(kept))
  })

  test('leaves the programs of another PostgreSQL', async ({ skip }) => {
    // Root's programs are outside the home.
    const user = isRoot ? otherUser(skip) : undefined
    const { home, env } = newcomer()
    const PORTS_HOME = join(home, 'opt')
    const foreign = [
      'postgresql-16/bin/postgres',
      'postgresql-16.4/bin/postgres',
      'postgresql-16.4.0/bin/postgres',
      'postgresql-16.4.0/lib/libpq.so',
    ]
    for (const name of foreign) write(join(PORTS_HOME, name), 'theirs')
    if (user) spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, home])
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [CLI, ...args], {
        ...{ env: { ...env, PORTS_HOME }, cwd: home, encoding: 'utf8' },
        ...user,
      })
    expect(run('get', 'consilio', 'api').stdout).toBe('3100\n')
    const { stdout, status } = run('uninstall', '--yes', '--json')
    expect(status).toBe(0)
    expect(filesBelow(PORTS_HOME)).toEqual(foreign.map((name) => join(PORTS_HOME, name)).sort())
    for (const name of readdirSync(PORTS_HOME)) {
      expect(JSON.parse(stdout).kept).toContainEqual({
        path: join(PORTS_HOME, name),
        reason: 'ports did not make it',
      })
    }
  })

  test('removes nothing from a directory in which there was never a registry', async () => {
    const { home, ports } = newcomer()
    const names = ['lock', 'postgres.log', 'run/socket', 'incoming-1/bin/x', 'data.unfinished-1/x']
    for (const name of names) write(join(home, 'mine', name), 'mine')
    const before = filesBelow(home)
    const PORTS_HOME = join(home, 'mine')
    expect(await ports(['uninstall', '--yes'], { PORTS_HOME })).toMatchObject({ status: 0 })
    expect(filesBelow(home)).toEqual(before)
  })

  test.each(['an empty directory', 'a file', 'nothing'])(
    'removes a link to %s where the socket was, and not what it leads to',
    async (target) => {
      const { home, registry, ports } = newcomer()
      await ports(['get', 'consilio', 'api'])
      await ports(['db', 'stop'])
      const elsewhere = join(home, 'elsewhere')
      if (target === 'an empty directory') mkdirSync(elsewhere)
      if (target === 'a file') write(elsewhere, 'mine')
      const run = join(registry, 'run')
      rmSync(run, { recursive: true, force: true })
      symlinkSync(elsewhere, run)
      expect(await ports(['uninstall', '--yes'])).toMatchObject({ status: 0 })
      expect(existsSync(registry)).toBe(false)
      expect(existsSync(elsewhere)).toBe(target !== 'nothing')
    },
  )

  test('refuses the data of another PostgreSQL', async () => {
    const { home, ports } = newcomer()
    const PORTS_HOME = join(home, 'mine')
    write(join(PORTS_HOME, 'data/pg_hba.conf'), 'local all all trust\n')
    write(join(home, '.config/ports/config.json'), '{}')
    const before = filesBelow(home)
    expect(await ports(['uninstall', '--yes'], { PORTS_HOME })).toMatchObject({
      stdout: '',
      stderr: expect.stringContaining('does not hold the database of a registry'),
      status: 5,
    })
    expect(filesBelow(home)).toEqual(before)
  })

  test.each(['environment', 'settings file'])(
    'refuses while the %s names a shared registry, and touches neither',
    async (place) => {
      const { home, ports } = newcomer()
      await ports(['get', 'consilio', 'api'])
      const url = await freshDatabase()
      const file = join(home, '.config/ports/config.json')
      if (place === 'settings file') write(file, JSON.stringify({ databaseUrl: url }))
      const before = filesBelow(home)
      const more = place === 'environment' ? { PORTS_DATABASE_URL: url } : {}
      const held = 'select count(*)::integer as ranges from ports.ranges'
      const shared = await sql(url, held)
      const { stdout, stderr, status } = await ports(['uninstall', '--yes'], more)
      expect({ stdout, status }).toEqual({ stdout: '', status: 2 })
      expect(stderr).toContain('Nothing was removed, neither there nor here.')
      expect(stderr).toContain(
        place === 'environment' ? 'unset PORTS_DATABASE_URL first' : `databaseUrl in ${file} first`,
      )
      expect(filesBelow(home)).toEqual(before)
      expect(await sql(url, held)).toEqual(shared)
      rmSync(file, { force: true })
    },
  )

  test.each([/^data\.unfinished-/, /^postgres\.log$/, /^lock$/])(
    'removes the rest if it was killed when it changed %s, and no registry is made in between',
    async (changed) => {
      const { env, registry, ports } = newcomer()
      await ports(['get', 'consilio', 'api'])
      const child = spawn(process.execPath, [CLI, 'uninstall', '--yes'], { env })
      const watcher = watch(registry, (_event, name) => {
        if (name !== null && changed.test(name)) child.kill('SIGKILL')
      })
      await once(child, 'close')
      watcher.close()
      if (existsSync(join(registry, 'lock')) && !existsSync(join(registry, 'data'))) {
        const refused = await ports(['get', 'consilio', 'api'])
        expect(refused).toMatchObject({ stdout: '', status: 5 })
        expect(refused.stderr).toContain('has lost its data')
      }
      expect(await ports(['uninstall', '--yes'])).toMatchObject({ status: 0 })
      expect(existsSync(registry)).toBe(false)
      expect(await ports(['get', 'consilio', 'api'])).toMatchObject({ stdout: '3100\n', status: 0 })
    },
  )

  test('removes the rest of a removal that ended before anything but its data was gone', async () => {
    const { registry, ports } = newcomer()
    await ports(['get', 'consilio', 'api'])
    await ports(['db', 'stop'])
    const data = realpathSync(join(registry, 'data'))
    renameSync(data, join(dirname(data), 'data.unfinished-999999'))
    expect(await ports(['get', 'consilio', 'api'])).toMatchObject({ stdout: '', status: 5 })
    expect(await ports(['uninstall', '--yes'])).toMatchObject({ status: 0 })
    expect(existsSync(registry)).toBe(false)
  })

  test('a call that waits meanwhile makes a registry that works', async () => {
    const { registry, ports } = newcomer()
    await ports(['get', 'consilio', 'api'])
    await Promise.all([
      ports(['uninstall', '--yes']),
      ...Array.from({ length: 4 }, () => ports(['db', 'start'])),
      ...Array.from({ length: 4 }, () => ports(['uninstall', '--yes'])),
    ])
    expect(await ports(['get', 'consilio', 'api'])).toMatchObject({ stdout: '3100\n', status: 0 })
    expect(await ports(['uninstall', '--yes'])).toMatchObject({ status: 0 })
    expect(existsSync(registry)).toBe(false)
  })

  test('refuses the registry of another user', async ({ skip }) => {
    const user = otherUser(skip)
    const { home, ports } = newcomer()
    const PORTS_HOME = join(home, 'theirs')
    mkdirSync(PORTS_HOME)
    chownSync(PORTS_HOME, user.uid, user.gid)
    const theirs = { ...{ PATH: process.env.PATH ?? '', PORTS_PASS_OVER: 'none' }, PORTS_HOME }
    const asThem = (...args: string[]) =>
      once(spawn(process.execPath, [CLI, ...args], { env: theirs, cwd: '/', ...user }), 'close')
    onTestFinished(() => asThem('db', 'stop').then(() => {}))
    expect(await asThem('get', 'consilio', 'api')).toEqual([0, null])
    const { stderr, status } = await ports(['uninstall', '--yes'], { PORTS_HOME })
    expect(status).toBe(5)
    expect(stderr).toContain('belongs to')
    expect(await asThem('get', '--existing', 'consilio', 'api')).toEqual([0, null])
    expect(await asThem('uninstall', '--yes')).toEqual([0, null])
    expect(readdirSync(PORTS_HOME)).toEqual([])
  })

  test.each([
    ['open to all', 0o755],
    ['closed to all but its owner', 0o700],
  ])(
    'removes a link to the data of another registry, which is %s, and nothing of that',
    async (_what, mode) => {
      const { home, ports } = newcomer()
      const first = { PORTS_HOME: join(home, 'first') }
      const second = { PORTS_HOME: join(home, 'second') }
      mkdirSync(first.PORTS_HOME, { mode })
      mkdirSync(second.PORTS_HOME)
      onTestFinished(() => ports(['uninstall', '--yes'], first).then(() => {}))
      await ports(['get', 'consilio', 'api'], first)
      symlinkSync(join(first.PORTS_HOME, 'data'), join(second.PORTS_HOME, 'data'))
      await ports(['get', 'consilio', 'web'], second)
      const before = JSON.parse((await ports(['db', 'status', '--json'], first)).stdout)
      const { stdout, status } = await ports(['uninstall', '--yes', '--json'], second)
      expect(status).toBe(0)
      expect(JSON.parse(stdout).kept).toContainEqual({
        path: before.dataDirectory,
        reason: 'another registry has it',
      })
      expect(existsSync(second.PORTS_HOME)).toBe(false)
      const after = JSON.parse((await ports(['db', 'status', '--json'], first)).stdout)
      expect(after.pid).toBe(before.pid)
      expect(await ports(['get', '--existing', 'consilio', 'web'], first)).toMatchObject({
        stdout: '3101\n',
      })
    },
  )

  test('keeps a data directory that a link leads to on a file system that is not mounted', async () => {
    const { home, registry, ports } = newcomer()
    await ports(['db', 'start'])
    await ports(['db', 'stop'])
    const data = realpathSync(join(registry, 'data'))
    rmSync(join(registry, 'data'), { recursive: true })
    rmSync(data, { recursive: true, force: true })
    symlinkSync(join(home, 'disk/data'), join(registry, 'data'))
    expect(await ports(['uninstall', '--yes'])).toMatchObject({
      stderr: expect.stringContaining('mount the file system that it is on'),
      status: 5,
    })
    rmSync(join(registry, 'data'))
  })

  test('removes completion scripts, leaves other files of that name, and names lines', async () => {
    const { home, ports } = newcomer()
    const bash = join(home, '.local/share/bash-completion/completions/ports')
    const fish = join(home, '.config/fish/completions/ports.fish')
    write(bash, (await ports(['completion', 'bash'])).stdout)
    write(fish, 'complete -c ports -a "of another program"\n')
    const profile = '# source <(ports completion bash)\nsource <(ports completion bash)\n'
    write(join(home, '.bashrc'), profile)
    const shown = JSON.parse((await ports(['uninstall', '--json'])).stdout)
    expect(shown.found).toEqual([{ kind: 'completion', path: bash }])
    const { stdout, status } = await ports(['uninstall', '--yes', '--json'])
    expect(status).toBe(0)
    expect(JSON.parse(stdout).kept).toContainEqual({
      path: `${join(home, '.bashrc')}:2`,
      reason: 'this line is yours to remove',
    })
    expect(filesBelow(home)).toEqual([join(home, '.bashrc'), fish].sort())
    expect(readFileSync(join(home, '.bashrc'), 'utf8')).toBe(profile)
    const again = await ports(['uninstall', '--yes'])
    expect(again.stderr).toContain('There is nothing of ports to remove.\nKept: ')
    expect(again.stderr).toContain(`${join(home, '.bashrc')}:2: this line is yours to remove`)
  })

  test('removes a link to settings, and not the file', async () => {
    const { home, ports } = newcomer()
    const file = join(home, 'dotfiles/ports.json')
    write(file, '{"hostname": "nas"}')
    mkdirSync(join(home, '.config/ports'), { recursive: true })
    symlinkSync(file, join(home, '.config/ports/config.json'))
    expect(await ports(['uninstall', '--yes'])).toMatchObject({ status: 0 })
    expect(filesBelow(home)).toEqual([file])
  })

  test.skipIf(isRoot)('says which file could not be removed', async () => {
    const { home, ports } = newcomer()
    const directory = join(home, '.config/ports')
    write(join(directory, 'config.json'), '{}')
    chmodSync(directory, 0o555)
    const { stderr, status } = await ports(['uninstall', '--yes'])
    expect(status).toBe(1)
    expect(stderr).toContain('it could not be removed')
    expect(stderr).toContain('run this again')
    chmodSync(directory, 0o755)
  })
})

test('keeps the settings while the default registry exists and PORTS_HOME names another one', async () => {
  const { home, registry, ports } = newcomer()
  const PORTS_HOME = join(home, 'other')
  await ports(['get', 'consilio', 'api'])
  await ports(['config', 'set', 'actor', 'ann'])
  await ports(['get', 'consilio', 'api'], { PORTS_HOME })
  const { stderr, status } = await ports(['uninstall', '--yes'], { PORTS_HOME })
  expect(status).toBe(0)
  const settings = join(home, '.config/ports/config.json')
  expect(stderr).toContain(`Kept: ${settings}: the registry in ${registry} also uses it`)
  expect(existsSync(settings)).toBe(true)
  expect((await ports(['get', 'consilio', 'api', '--existing'])).stdout).toBe('3100\n')
})

test('removes the settings if PORTS_HOME names the default registry in another way', async () => {
  const { home, registry, ports } = newcomer()
  await ports(['get', 'consilio', 'api'])
  await ports(['config', 'set', 'actor', 'ann'])
  const { status } = await ports(['uninstall', '--yes'], { PORTS_HOME: `${registry}/` })
  expect(status).toBe(0)
  expect(existsSync(join(home, '.config/ports'))).toBe(false)
})
