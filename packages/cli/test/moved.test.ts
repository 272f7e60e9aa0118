import { cpSync, mkdtempSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { portsIn } from '@ports/testkit'
import { freshDatabase, git, projectDirectory } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'

const SHOP = { project: 'shop', services: { web: {} } }

/** Without a time of birth, a directory is not recognized. */
const tellsBirth = (() => {
  const path = mkdtempSync(join(tmpdir(), 'ports-birth-'))
  const { birthtimeNs } = statSync(path, { bigint: true })
  rmdirSync(path)
  return birthtimeNs !== 0n
})()

/** A repository of a project that has a range, and a directory for other copies. */
async function repository() {
  const url = await freshDatabase()
  const above = projectDirectory({ 'main/ports.json': SHOP })
  const main = join(above, 'main')
  git(main, 'init', '--quiet')
  git(main, 'add', '.')
  git(main, 'commit', '--quiet', '--message', 'Add the project')
  const web = async (directory: string) => (await portsIn(directory, url)('get', 'web')).stdout
  await portsIn(main, url)('range', 'create', '--start', '7000', '--end', '7099')
  expect(await web(main)).toBe('7000\n')
  const checkouts = async () => {
    const { stdout } = await portsIn(main, url)('checkouts', 'shop', '--json')
    return Object.fromEntries(
      JSON.parse(stdout).map((it: Record<string, string>) => [it.instance, it.directory]),
    )
  }
  return { url, above, main, web, checkouts, elsewhere: projectDirectory({}) }
}

describe.runIf(tellsBirth)('a directory that was moved keeps its ports', () => {
  test('if it is a linked worktree', async () => {
    const { above, main, web, checkouts, elsewhere } = await repository()
    const [login, moved] = [join(above, 'login'), join(elsewhere, 'signin')]
    git(main, 'worktree', 'add', '--quiet', login)
    expect(await web(login)).toBe('7001\n')
    git(main, 'worktree', 'move', login, moved)
    expect(await web(moved)).toBe('7001\n')
    expect(await checkouts()).toEqual({ '': main, login: moved })
    git(main, 'worktree', 'add', '--quiet', '-b', 'again', login)
    expect(await web(login)).toBe('7002\n')
    expect(await web(moved)).toBe('7001\n')
  })

  test('if it is another clone, or a copy', async () => {
    const { above, main, web, checkouts, elsewhere } = await repository()
    const [clone, copy] = [join(above, 'clone'), join(above, 'copy')]
    git(above, 'clone', '--quiet', main, clone)
    cpSync(main, copy, { recursive: true })
    expect(await web(clone)).toBe('7001\n')
    expect(await web(copy)).toBe('7002\n')
    renameSync(clone, join(elsewhere, 'clone'))
    renameSync(copy, join(elsewhere, 'copy'))
    expect(await web(join(elsewhere, 'copy'))).toBe('7002\n')
    expect(await web(join(elsewhere, 'clone'))).toBe('7001\n')
    expect(await checkouts()).toEqual({
      '': main,
      clone: join(elsewhere, 'clone'),
      copy: join(elsewhere, 'copy'),
    })
  })

  test('if it is the first one, and a copy of it asks first', async () => {
    const { above, main, web } = await repository()
    const [copy, moved] = [join(above, 'copy'), join(above, 'renamed')]
    cpSync(main, copy, { recursive: true })
    renameSync(main, moved)
    expect(await web(copy)).toBe('7001\n')
    expect(await web(moved)).toBe('7000\n')
  })

  test('if twenty processes ask at once', async () => {
    const { url, above, main, web, checkouts, elsewhere } = await repository()
    const [login, moved] = [join(above, 'login'), join(elsewhere, 'signin')]
    git(main, 'worktree', 'add', '--quiet', login)
    expect(await web(login)).toBe('7001\n')
    git(main, 'worktree', 'move', login, moved)
    const answers = await Promise.all(Array.from({ length: 20 }, () => web(moved)))
    expect(new Set(answers)).toEqual(new Set(['7001\n']))
    expect(await checkouts()).toEqual({ '': main, login: moved })
    const history = await portsIn(main, url)('history', 'shop', '--json')
    const events = JSON.parse(history.stdout) as { what: string }[]
    expect(events.filter(({ what }) => what === 'checkout-moved')).toEqual([
      expect.objectContaining({ before: { directory: login }, after: { directory: moved } }),
    ])
    const shown = await portsIn(main, url)('history', 'shop')
    expect(shown.stdout).toContain(`directory: ${login} → ${moved}`)
  })

  test('and is not pruned before it asks', async () => {
    const { url, above, main, web } = await repository()
    const login = join(above, 'login')
    git(main, 'worktree', 'add', '--quiet', login)
    expect(await web(login)).toBe('7001\n')
    git(main, 'worktree', 'move', login, join(above, 'signin'))
    expect((await portsIn(main, url)('prune', '--yes')).stderr).toBe(
      'No recorded directory is gone.\n',
    )
    expect(await web(join(above, 'signin'))).toBe('7001\n')
  })

  test('but not if another directory is where it was', async () => {
    const { above, main, web } = await repository()
    const old = join(above, 'old')
    renameSync(main, old)
    git(above, 'clone', '--quiet', old, main)
    expect(await web(old)).toBe('7001\n')
    expect(await web(main)).toBe('7000\n')
    renameSync(main, join(above, 'newer'))
    expect(await web(join(above, 'newer'))).toBe('7000\n')
  })
})

test('a clone that is made after the first directory was removed takes its place', async () => {
  const { above, main, web, elsewhere } = await repository()
  const [clone, other] = [join(elsewhere, 'clone'), join(above, 'other')]
  git(above, 'clone', '--quiet', main, other)
  git(above, 'clone', '--quiet', '--bare', main, join(above, 'bare'))
  expect(await web(other)).toBe('7001\n')
  rmSync(main, { recursive: true })
  git(above, 'clone', '--quiet', join(above, 'bare'), clone)
  expect(await web(clone)).toBe('7000\n')
  expect(await web(other)).toBe('7001\n')
  rmSync(clone, { recursive: true })
  git(above, 'clone', '--quiet', join(above, 'bare'), clone)
  expect(await web(clone)).toBe('7000\n')
  rmSync(other, { recursive: true })
  git(above, 'clone', '--quiet', join(above, 'bare'), join(elsewhere, 'third'))
  expect(await web(join(elsewhere, 'third'))).toBe('7002\n')
})
