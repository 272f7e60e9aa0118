import { onLinux } from '@ports/testkit/vitest'
import { describe, expect, it } from 'vitest'
import { bootAndStartOf } from '../src/processes/procFs.js'
import { Recorded } from '../src/processes/Recorded.js'

const HELD = { id: '7', projectName: 'shop', serviceName: 'web', instance: '' }

function checkout(directory: string, more: object = {}) {
  return {
    projectName: 'shop',
    hostname: 'localhost',
    directory,
    instance: '',
    createdAt: new Date(),
    allocationIds: ['7'],
    ...more,
  }
}

function recordedProcess(more: object) {
  return {
    allocationId: '7',
    projectName: 'shop',
    serviceName: 'web',
    instance: '',
    hostname: 'localhost',
    pid: process.pid,
    started: bootAndStartOf(process.pid)!,
    recordedAt: new Date(),
    ...more,
  }
}

/** A process that has ended, or a system without /proc, has no ancestors. */
const ended = (directory?: string) => ({ pid: 4_194_304, ...(directory && { directory }) })

describe('a listener', () => {
  const home = new Recorded([checkout('/srv/shop')], [])

  it("is the holder's in the holder's directory, and below it", () => {
    for (const directory of ['/srv/shop', '/srv/shop/packages/web']) {
      expect(home.attribute(ended(directory), HELD).whose).toBe('holder')
    }
  })

  it('is a stranger outside of it, and beside it', () => {
    for (const directory of ['/srv', '/srv/shop-2', '/home/ann']) {
      expect(home.attribute(ended(directory), HELD)).toEqual({ whose: 'stranger' })
    }
  })

  it('is unattributed if its directory cannot be seen, or is that of a daemon', () => {
    expect(home.attribute(ended(), HELD).whose).toBe('unattributed')
    expect(home.attribute(ended('/'), HELD).whose).toBe('unattributed')
  })

  it('is unattributed if the allocation was not made from a recorded directory', () => {
    const elsewhere = new Recorded([checkout('/srv/shop', { allocationIds: ['8'] })], [])
    expect(elsewhere.attribute(ended('/home/ann'), HELD).whose).toBe('unattributed')
    expect(new Recorded([], []).attribute(ended('/srv/shop'), HELD).whose).toBe('unattributed')
  })

  it('is a stranger in the directory of another project, and named', () => {
    const others = new Recorded([checkout('/srv/blog', { projectName: 'blog' })], [])
    expect(others.attribute(ended('/srv/blog'), HELD)).toEqual({
      whose: 'stranger',
      owner: { projectName: 'blog', instance: '' },
    })
  })

  it('belongs to the nearest of two checkouts, one in the other', () => {
    const nested = checkout('/srv/shop/worktrees/login', { instance: 'login', allocationIds: [] })
    const both = new Recorded([checkout('/srv/shop'), nested], [])
    const inWorktree = ended('/srv/shop/worktrees/login/web')
    expect(both.attribute(inWorktree, HELD).whose).toBe('stranger')
    expect(both.attribute(inWorktree, { ...HELD, instance: 'login' }).whose).toBe('holder')
  })

  it('is known by the process that ports run started, wherever it runs', ({ skip }) => {
    onLinux(skip)
    const started = new Recorded(
      [],
      [recordedProcess({ pid: process.ppid, started: bootAndStartOf(process.ppid)! })],
    )
    const child = { pid: process.pid, directory: '/' }
    expect(started.attribute(child, HELD)).toEqual({
      whose: 'holder',
      owner: { projectName: 'shop', serviceName: 'web', instance: '' },
    })
    expect(started.attribute(child, { ...HELD, projectName: 'blog' }).whose).toBe('stranger')
  })

  it('is a stranger if ports run started it for another service of the same checkout', ({
    skip,
  }) => {
    onLinux(skip)
    const started = new Recorded([checkout(process.cwd())], [recordedProcess({})])
    const own = { pid: process.pid, directory: process.cwd() }
    expect(started.attribute(own, HELD).whose).toBe('holder')
    expect(started.attribute(own, { ...HELD, id: '8', serviceName: 'api' })).toEqual({
      whose: 'stranger',
      owner: { projectName: 'shop', serviceName: 'web', instance: '' },
    })
    // Its directory shows the project of this process, but not the service.
    const beside = { ...ended(process.cwd()) }
    expect(started.attribute(beside, { ...HELD, id: '8', serviceName: 'api' }).whose).toBe('holder')
  })

  it('is known by the nearest of two processes that ports run started', ({ skip }) => {
    onLinux(skip)
    const nearest = recordedProcess({ serviceName: 'api', allocationId: '8' })
    const above = recordedProcess({ pid: process.ppid, started: bootAndStartOf(process.ppid)! })
    for (const both of [
      [above, nearest],
      [nearest, above],
    ]) {
      const { owner } = new Recorded([], both).attribute({ pid: process.pid }, undefined)
      expect(owner).toMatchObject({ serviceName: 'api' })
    }
  })

  it('is not known by a pid that was given again', ({ skip }) => {
    onLinux(skip)
    const reused = new Recorded([], [recordedProcess({ started: 'another-boot/1' })])
    expect(reused.attribute({ pid: process.pid, directory: '/' }, HELD).whose).toBe('unattributed')
  })

  it('is a stranger outside of the checkout in which ports run started the service', () => {
    const byName = checkout('/srv/shop', { allocationIds: [] })
    const ran = recordedProcess({ directory: '/srv', started: 'gone/1' })
    const started = new Recorded([byName], [ran])
    expect(started.attribute(ended('/srv/shop'), HELD).whose).toBe('holder')
    expect(started.attribute(ended('/srv'), HELD).whose).toBe('stranger')
    expect(started.attribute(ended('/home/ann'), HELD).whose).toBe('stranger')
  })

  it('is not known by the directory of a recorded process alone', () => {
    for (const started of ['gone/1', bootAndStartOf(process.pid) ?? '']) {
      const ran = new Recorded([], [recordedProcess({ directory: '/srv', started })])
      expect(ran.attribute(ended('/srv/shop'), HELD).whose).toBe('unattributed')
    }
  })

  it("is not the holder's in a directory that was deleted, and still a stranger outside", () => {
    const at = (deletedDirectory: string) => ({ pid: 4_194_304, deletedDirectory })
    expect(home.attribute(at('/srv/shop/dist'), HELD).whose).toBe('unattributed')
    expect(home.attribute(at('/srv/blog'), HELD).whose).toBe('stranger')
  })
})
