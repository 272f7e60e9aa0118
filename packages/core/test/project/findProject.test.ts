import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { git, projectDirectory, skipBecause, writeFiles } from '@ports/testkit/vitest'
import { beforeEach, describe, expect, it } from 'vitest'
import { findProject } from '../../src/project/findProject.js'

let root: string
beforeEach(() => {
  root = projectDirectory({})
})

const write = (name: string, content: string | object) => writeFiles(root, { [name]: content })

describe('the project of a directory', () => {
  it('is that of the nearest ports.json above it', () => {
    write('ports.json', { project: 'shop', services: { web: {} } })
    write('packages/web/package.json', { name: 'other' })
    expect(findProject(join(root, 'packages/web'))).toEqual({
      projectName: 'shop',
      root,
      isLinked: false,
      namedBy: 'ports.json',
      services: { web: {} },
    })
  })

  it('is otherwise named by the package at the top of the repository', () => {
    git(root, 'init', '--quiet')
    write('package.json', { name: '@acme/shop' })
    write('packages/web/package.json', { name: 'web' })
    expect(findProject(join(root, 'packages/web'))).toMatchObject({
      projectName: 'acme-shop',
      root,
      namedBy: 'package.json',
    })
  })

  it('is otherwise named by the remote of the repository', () => {
    git(root, 'init', '--quiet')
    mkdirSync(join(root, 'src'))
    expect(findProject(join(root, 'src'))).toBeUndefined()
    for (const [url, name] of [
      ['https://git.example/acme/shop.git', 'shop'],
      ['git@git.example:acme/blog.git', 'blog'],
      ['/srv/git/wiki', 'wiki'],
    ] as const) {
      git(root, 'remote', 'add', 'upstream', 'https://git.example/other.git')
      git(root, 'remote', 'add', 'origin', url)
      expect(findProject(join(root, 'src')), url).toMatchObject({
        projectName: name,
        root,
        namedBy: 'git remote',
      })
      git(root, 'remote', 'remove', 'origin')
      git(root, 'remote', 'remove', 'upstream')
    }
  })

  it('is not named by a package above the repository', () => {
    write('package.json', { name: 'home' })
    write('shop/README.md', 'A shop')
    const shop = join(root, 'shop')
    expect(findProject(shop)?.projectName).toBe('home')
    git(root, 'init', '--quiet', 'shop')
    expect(findProject(shop)).toBeUndefined()
    git(root, '-C', 'shop', 'remote', 'add', 'origin', 'https://git.example/acme/shop.git')
    expect(findProject(shop)).toMatchObject({ projectName: 'shop', namedBy: 'git remote' })
  })

  it('is otherwise named by the nearest package in the repository', () => {
    git(root, 'init', '--quiet')
    write('package.json', { private: true })
    write('web/package.json', { name: 'web' })
    write('web/src/index.ts', '')
    const found = { projectName: 'web', root: join(root, 'web'), namedBy: 'package.json' }
    expect(findProject(join(root, 'web/src'))).toMatchObject(found)
    expect(findProject(root)).toBeUndefined()
    git(root, 'remote', 'add', 'origin', 'https://git.example/acme/shop.git')
    expect(findProject(join(root, 'web/src'))).toMatchObject({ projectName: 'shop', root })
  })

  it('has no name from files that are directories or FIFOs', () => {
    git(root, 'init', '--quiet')
    git(root, 'remote', 'add', 'origin', 'https://git.example/acme/shop.git')
    mkdirSync(join(root, 'package.json'))
    expect(findProject(root)?.namedBy).toBe('git remote')
    for (const file of ['package.json', '.git/config']) {
      rmSync(join(root, file), { recursive: true })
      execFileSync('mkfifo', [join(root, file)])
    }
    expect(findProject(root)).toBeUndefined()
    rmSync(join(root, '.git/config'))
    mkdirSync(join(root, '.git/config/commondir'), { recursive: true })
    mkdirSync(join(root, '.git/commondir'))
    expect(findProject(root)).toBeUndefined()
    rmSync(join(root, '.git'), { recursive: true })
    execFileSync('mkfifo', [join(root, '.git')])
    expect(findProject(root)).toBeUndefined()
  })

  it('is unknown where a directory cannot be found, which is refused', () => {
    const gone = join(root, 'gone')
    expect(() => findProject(gone)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`directory is "${gone}", but must be a directory that`),
      }),
    )
  })

  it('is in a linked worktree only if Git made one, not in a clone or a submodule', () => {
    write('main/ports.json', { project: 'shop' })
    root = join(root, 'main')
    git(root, 'init', '--quiet')
    git(root, 'add', '.')
    git(root, 'commit', '--quiet', '-m', 'Begin')
    git(root, 'worktree', 'add', '--quiet', '../linked')
    git(root, 'clone', '--quiet', '.', '../clone')
    git(root, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', '../clone', 'sub')
    const found = (directory: string) => findProject(join(root, directory))
    expect(found('.')).toMatchObject({ isLinked: false, root })
    expect(found('../linked')).toMatchObject({ isLinked: true, root: join(root, '../linked') })
    expect(found('../clone')).toMatchObject({ isLinked: false, root: join(root, '../clone') })
    expect(found('sub')).toMatchObject({ isLinked: false, root: join(root, 'sub') })
    root = dirname(root)
  })

  it('has a copy of its own in a worktree below it that has no ports.json', () => {
    write('README.md', 'A shop')
    git(root, 'init', '--quiet')
    git(root, 'add', '.')
    git(root, 'commit', '--quiet', '-m', 'Begin')
    write('ports.json', { project: 'shop' })
    write('docs/README.md', 'How it works')
    git(root, 'worktree', 'add', '--quiet', 'worktrees/login')
    const found = (directory: string) => findProject(join(root, directory))
    expect(found('docs')).toMatchObject({ projectName: 'shop', root, isLinked: false })
    const login = join(root, 'worktrees/login')
    expect(found('worktrees/login')).toMatchObject({
      projectName: 'shop',
      root: login,
      isLinked: true,
    })
  })

  it('is found through a symbolic link', () => {
    write('shop/ports.json', { project: 'shop' })
    execFileSync('ln', ['-s', join(root, 'shop'), join(root, 'link')])
    expect(findProject(join(root, 'link'))?.root).toBe(join(root, 'shop'))
  })

  it('does not come from a file of another user, unless that user owns the directory too', ({
    skip,
  }) => {
    if (process.getuid?.() !== 0) skipBecause(skip, 'only root can make files of other users')
    write('ports.json', { project: 'theirs' })
    write('mine/package.json', { name: 'mine' })
    chownSync(join(root, 'ports.json'), 12_345, 12_345)
    expect(findProject(join(root, 'mine'))?.projectName).toBe('mine')
    chownSync(join(root, 'mine'), 12_345, 12_345)
    expect(findProject(join(root, 'mine'))?.projectName).toBe('theirs')
  })
})
