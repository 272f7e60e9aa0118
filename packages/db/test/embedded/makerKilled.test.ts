import { existsSync, mkdirSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { skipBecause } from '../skipBecause.js'
import {
  appearance,
  expectApiKept,
  freshHome,
  getApi,
  inHome,
  makeRegistry,
  once,
  open,
} from './homes.js'
import type { RegistryProgram } from './RegistryProgram.js'
import { isRoot } from './users.js'

/** What a first attempt that was killed must not prevent. */
async function expectMade(home: string, program: RegistryProgram, notices: number): Promise<void> {
  const answer = await getApi(program)
  expect({ error: answer.error, result: answer.result }).toEqual({ result: 3100 })
  expect(answer.notices).toHaveLength(notices)
  expect(readdirSync(home).filter((file) => file.startsWith('data'))).toEqual(['data'])
  await program.stop()
  await expectApiKept(inHome(home))
}

describe('the embedded database is there again', () => {
  // In the order in which they come to be.
  it.each([
    ['unfinished data', /^data\.unfinished-/],
    ['finished data', /^data$/],
    ['a directory for the socket', /^run$/],
  ])('after kill -9 of the process that makes it, as soon as there is %s', async (_what, name) => {
    const home = freshHome()
    const maker = open(inHome(home))
    const appeared = appearance(home, name)
    const answer = getApi(maker).catch(() => 'killed')
    await appeared
    await maker.end('SIGKILL')
    expect(await answer).toBe('killed')
    const left = readdirSync(home)
    expect(left.some((file) => name.test(file))).toBe(true)
    await expectMade(home, open(inHome(home)), left.includes('data') ? 0 : 1)
  })

  it('after kill -9 of the process that makes it, while the programs that it started go on', async () => {
    const home = freshHome()
    const next = open(inHome(home))
    // So that it has its code loaded and comes before those programs have ended.
    await next.status()
    const maker = open(inHome(home))
    const answer = getApi(maker).catch(() => 'killed')
    const tables = join(home, `data.unfinished-${maker.pid}`, 'base', '1')
    await vi.waitUntil(() => existsSync(tables) && readdirSync(tables).length > 100, {
      interval: 1,
      timeout: 30_000,
    })
    await maker.end('SIGKILL')
    expect(await answer).toBe('killed')
    await expectMade(home, next, 1)
  })

  it('after kill -9 of root before it gave the socket’s directory to the server', async ({
    skip,
  }) => {
    if (!isRoot) skipBecause(skip, 'only root’s server has an account of its own')
    const home = freshHome()
    const { socketDirectory } = await makeRegistry(inHome(home))
    await once(inHome(home), (program) => program.stop())
    rmSync(socketDirectory!, { recursive: true })
    mkdirSync(socketDirectory!, { mode: 0o700 })
    await expectApiKept(inHome(home))
  })

  it('and the attempt is taken up where it was, where the data are outside the home', async ({
    skip,
  }) => {
    if (!isRoot) skipBecause(skip, 'only root’s registries are outside such a home')
    const root = '/var/lib/ports'
    let attempt = ''
    onTestFinished(() => rmSync(attempt, { recursive: true, force: true, maxRetries: 10 }))
    const home = freshHome('home', 0o700)
    const maker = open(inHome(home))
    const answer = getApi(maker).catch(() => 'killed')
    // Others make registries there too; the unfinished data bear the pid of their maker.
    attempt = await vi.waitUntil(
      () =>
        readdirSync(root)
          .map((name) => join(root, name))
          .find((directory) => existsSync(join(directory, `data.unfinished-${maker.pid}`))),
      { interval: 5, timeout: 30_000 },
    )
    await maker.end('SIGKILL')
    expect(await answer).toBe('killed')
    expect(readlinkSync(join(home, 'data'))).toBe(join(attempt, 'data'))
    expect(existsSync(join(attempt, 'data'))).toBe(false)

    const { dataDirectory } = await makeRegistry(inHome(home))
    expect(dataDirectory).toBe(join(attempt, 'data'))
    expect(readdirSync(attempt).filter((file) => file.startsWith('data'))).toEqual(['data'])
  })
})
