import { existsSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { skipBecause } from '@ports/testkit/vitest'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { numbers } from '../sessions.js'
import {
  appearance,
  expectApiKept,
  expectRefusal,
  freshHome,
  getApi,
  inHome,
  makeRegistry,
  once,
  open,
} from './homes.js'
import { killServer, running } from './processes.js'
import type { RegistryProgram } from './RegistryProgram.js'
import { isRoot } from './users.js'

/** What must still work after a killed first attempt. */
async function expectMade(home: string, program: RegistryProgram, notices: number): Promise<void> {
  const answer = await getApi(program)
  expect({ error: answer.error, result: answer.result }).toEqual({ result: 3100 })
  expect(answer.notices).toHaveLength(notices)
  expect(readdirSync(home).filter((file) => file.startsWith('data'))).toEqual(['data'])
  await program.stop()
  await expectApiKept(inHome(home))
}

function filesIn(directory: string): number {
  return existsSync(directory) ? readdirSync(directory, { recursive: true }).length : 0
}

describe('the embedded database is there again', () => {
  // In the order of their creation.
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
    // It then has its code loaded, and acts before those programs have ended.
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

  it.each(numbers(1, 5))('after kill -9 of two that make it, at any moment (%i)', async () => {
    const home = freshHome()
    // By then, even a slow machine has finished. Some of these arrive after the work.
    const moments = [Math.random() * 1500, Math.random() * 1500]
    for (const moment of moments) {
      const maker = open(inHome(home))
      // Its code is loaded then.
      await maker.status()
      const answer = getApi(maker).catch(() => 'killed')
      await sleep(moment)
      await maker.end('SIGKILL')
      expect(['killed', expect.objectContaining({ result: 3100 })], `${moments} ms`).toContainEqual(
        await answer,
      )
    }
    const { error, result } = await once(inHome(home), getApi)
    expect({ error, result }, `${moments} ms`).toEqual({ result: 3100 })
    expect(readdirSync(home).filter((file) => file.startsWith('data'))).toEqual(['data'])
  })

  it('with all that was acknowledged, after kill -9 of ten that start it, at any moment', async () => {
    const home = freshHome()
    const next = open(inHome(home))
    const acknowledged = new Map<string, number>()
    const ask = async (program: RegistryProgram, service: string) => {
      const { error, result } = await program.get('consilio', service)
      expect(error).toBeUndefined()
      acknowledged.set(service, result!)
    }
    await ask(next, 'first')
    for (const round of numbers(1, 10)) {
      const starter = open(inHome(home))
      const { result: status } = await starter.status()
      if (round % 2 === 0) killServer(status!)
      else await next.stop()
      const asked = ask(starter, `starter-${round}`).catch(() => {})
      await sleep(Math.random() * 250)
      await starter.end('SIGKILL')
      await asked
      await ask(next, `next-${round}`)
    }
    const found = new Map<string, number>()
    for (const service of acknowledged.keys()) {
      found.set(service, (await next.get('consilio', service)).result!)
    }
    expect(found).toEqual(acknowledged)
    expect(new Set(found.values()).size).toBe(found.size)
  })

  // Early, and when only some of the tables exist.
  it.each([1, 60])('after kill -9 of initdb when it has made %i files', async (files) => {
    for (const attempt of numbers(1, 20)) {
      const home = freshHome()
      const maker = open(inHome(home))
      const answer = maker.start()
      const unfinished = join(home, `data.unfinished-${maker.pid}`)
      await vi.waitUntil(() => existsSync(join(home, 'data')) || filesIn(unfinished) > files, {
        interval: 1,
        timeout: 30_000,
      })
      const initdb = running(`initdb --pgdata ${unfinished}`)
      for (const pid of initdb) process.kill(pid, 'SIGKILL')
      // On a busy machine, it may finish before it is found.
      if (initdb.length === 0 && attempt < 20) continue
      expectRefusal(await answer, 'DATABASE_UNAVAILABLE', home, 'SIGKILL')
      await expectMade(home, maker, 1)
      return
    }
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
    expect(readlinkSync(join(home, 'data.unfinished'))).toBe(join(attempt, 'data'))
    expect(existsSync(join(home, 'data'))).toBe(false)
    expect(existsSync(join(attempt, 'data'))).toBe(false)

    const { dataDirectory } = await makeRegistry(inHome(home))
    expect(dataDirectory).toBe(join(attempt, 'data'))
    for (const directory of [attempt, home]) {
      expect(readdirSync(directory).filter((file) => file.startsWith('data'))).toEqual(['data'])
    }

    // And if it came as far as that, and the home had no link to it yet.
    await once(inHome(home), (program) => program.get('consilio', 'web'))
    await once(inHome(home), (program) => program.stop())
    renameSync(join(home, 'data'), join(home, 'data.unfinished'))
    expect((await once(inHome(home), (program) => program.get('consilio', 'web'))).result).toBe(
      3101,
    )
    expect(readdirSync(home).filter((file) => file.startsWith('data'))).toEqual(['data'])
  })
})
