import { spawn } from 'node:child_process'
import { once as event } from 'node:events'
import { chownSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { DatabaseStatus } from '../../src/index.js'
import { ascending, numbers } from '../sessions.js'
import { expectApiKept, freshHome, getApi, inHome, makeRegistry, once, open } from './homes.js'
import { childOf, killServer } from './processes.js'
import { isRoot } from './users.js'

describe('the embedded database is there again', () => {
  it('after kill -9 of the server', async () => {
    const home = freshHome()
    const { pid } = await makeRegistry(inHome(home))
    process.kill(pid!, 'SIGKILL')
    await expectApiKept(inHome(home))
  })

  it('after kill -9 of the server and every process of it', async () => {
    const home = freshHome()
    killServer(await makeRegistry(inHome(home)))
    await expectApiKept(inHome(home))
  })

  it('after kill -9 of the server, of which a process does not end', async () => {
    const home = freshHome()
    const { pid } = await makeRegistry(inHome(home))
    process.kill(childOf(pid!), 'SIGSTOP')
    process.kill(pid!, 'SIGKILL')
    await expectApiKept(inHome(home))
  })

  it('for twenty processes at once, right after kill -9', async () => {
    const home = freshHome()
    const { pid } = await makeRegistry(inHome(home))
    const programs = numbers(1, 20).map(() => open(inHome(home)))
    process.kill(pid!, 'SIGKILL')
    const answers = await Promise.all(
      programs.map((program, nth) => program.get('consilio', nth === 0 ? 'api' : `service-${nth}`)),
    )
    expect(answers.flatMap(({ error }) => error ?? [])).toEqual([])
    const ports = answers.map(({ result }) => result!)
    expect(ports[0]).toBe(3100)
    expect(ascending(ports)).toEqual(numbers(3100, 3119))
  })

  // The server then ends all its backends and recovers, but keeps running itself.
  it('for all who ask while it recovers from the kill -9 of one of its processes', async () => {
    const home = freshHome()
    const { pid } = await makeRegistry(inHome(home))
    const programs = numbers(1, 10).map(() => open(inHome(home)))
    for (const round of numbers(1, 3)) {
      process.kill(childOf(pid!), 'SIGKILL')
      const answers = await Promise.all(
        programs.map((program, nth) => program.get('consilio', `service-${round}-${nth}`)),
      )
      expect(answers.flatMap(({ error }) => error ?? [])).toEqual([])
    }
    expect((await once(inHome(home), (program) => program.status())).result!.pid).toBe(pid)
  })

  it('and can be stopped while it recovers', async () => {
    const home = freshHome()
    const { pid } = await makeRegistry(inHome(home))
    process.kill(childOf(pid!), 'SIGKILL')
    expect((await once(inHome(home), (program) => program.stop())).result).toBe(true)
    expect(existsSync(join(home, 'data', 'postmaster.pid'))).toBe(false)
    await expectApiKept(inHome(home))
  })

  it('for a program that has it open', async () => {
    const home = freshHome()
    const program = open(inHome(home))
    await getApi(program)
    const { result: first } = await program.status()
    expect((await once(inHome(home), (other) => other.stop())).result).toBe(true)
    expect(await getApi(program)).toEqual({ result: 3100, notices: [] })
    const { result: second } = await program.status()
    expect(second!.running).toBe(true)
    expect(second!.pid).not.toBe(first!.pid)

    killServer(second!)
    // The program notices in the meantime that its connection is lost.
    expect((await once(inHome(home), (other) => other.status())).result).toMatchObject({
      running: false,
    })
    expect(await getApi(program)).toEqual({ result: 3100, notices: [] })
    expect((await program.get('consilio', 'web')).result).toBe(3101)
  })

  it('after it was stopped for a while, and until then says that it does not answer', async () => {
    const home = freshHome()
    const { pid } = await makeRegistry(inHome(home))
    process.kill(pid!, 'SIGSTOP')
    try {
      const { error } = await once(inHome(home), (program) => program.status())
      expect(error).toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    } finally {
      process.kill(pid!, 'SIGCONT')
    }
    await expectApiKept(inHome(home))
  })

  // On a full disk, PostgreSQL gets into this state by a race that a test cannot provoke.
  it('after its recovery failed and left it waiting without end', async () => {
    const home = freshHome()
    const { ended } = await startImpostor(await stopped(home), { program: WAITS })
    await expectApiKept(inHome(home))
    expect(await ended).toEqual([null, 'SIGQUIT'])
  })

  it('after one of the processes that recover came to wait without end for another', async () => {
    const home = freshHome()
    // PostgreSQL's own process wakes every ten seconds to log its progress.
    const impostor = { program: `${recovering('while kill -0 $PPID; do sleep 4; done')} ${WAITS}` }
    const { ended } = await startImpostor(await stopped(home), impostor)
    await expectApiKept(inHome(home))
    expect(await ended).toEqual([null, 'SIGQUIT'])
  })

  it('and can be stopped, after its recovery came to wait without end', async () => {
    const home = freshHome()
    const impostor = { program: `${recovering('cat')} ${WAITS}` }
    const { ended } = await startImpostor(await stopped(home), impostor)
    expect((await once(inHome(home), (program) => program.stop())).result).toBe(true)
    expect(await ended).toEqual([null, 'SIGQUIT'])
    await expectApiKept(inHome(home))
  })

  it('after a recovery that takes its time, which is not cut short', async () => {
    const home = freshHome()
    const impostor = {
      program: `${recovering('while kill -0 $PPID; do sleep 0.1; done')} ${WAITS}`,
    }
    const { server, ended } = await startImpostor(await stopped(home), impostor)
    const kept = expectApiKept(inHome(home))
    // Longer than the limit for a process that only waits.
    await sleep(12_000)
    expect(server.exitCode ?? server.signalCode).toBeNull()
    server.kill('SIGKILL')
    await ended
    await kept
  })

  it('after it was told to stop during recovery, and did not', async () => {
    const home = freshHome()
    const impostor = { program: `${recovering('cat')} ${WAITS}`, status: 'stopping' }
    const { ended } = await startImpostor(await stopped(home), impostor)
    await expectApiKept(inHome(home))
    expect(await ended).toEqual([null, 'SIGQUIT'])
  })

  it('after it was told to end at once, and did not', async () => {
    const home = freshHome()
    const impostor = { program: `process.on('SIGQUIT', () => {}); ${WAITS}` }
    const { ended } = await startImpostor(await stopped(home), impostor)
    await expectApiKept(inHome(home))
    expect(await ended).toEqual([null, 'SIGKILL'])
  })
})

const WAITS = 'setInterval(() => {}, 60_000)'
/**
 * Starts the shell's command as the process that recovers. It has to end with the server: `cat`
 * does, because its input is closed then.
 */
const recovering = (command: string) => `require('node:child_process').spawn(
  'sh', ['-c', ${JSON.stringify(command)}],
  { argv0: 'postgres: startup recovering', stdio: ['pipe', 'ignore', 'ignore'] },
);`

/** Creates a registry and stops its server. */
async function stopped(home: string): Promise<DatabaseStatus> {
  const status = await makeRegistry(inHome(home))
  expect((await once(inHome(home), (program) => program.stop())).result).toBe(true)
  return status
}

interface Impostor {
  /** JavaScript code. */
  readonly program: string
  readonly status?: string
}

/** Starts a process in place of the server that answers that it is not ready. */
async function startImpostor(
  { dataDirectory, socketDirectory }: DatabaseStatus,
  { program, status = 'starting' }: Impostor,
) {
  const notYet = 'SFATAL\0C57P03\0Mthe database system is not yet accepting connections\0\0'
  const head = Buffer.from('E....')
  head.writeInt32BE(notYet.length + 4, 1)
  const impostor = createServer((client) => {
    client.on('error', () => {})
    client.once('data', () => client.end(Buffer.concat([head, Buffer.from(notYet)])))
  }).listen(join(socketDirectory!, '.s.PGSQL.5432'))
  await event(impostor, 'listening')
  const { uid, gid } = statSync(dataDirectory!)
  const argv0 = `postgres -D ${dataDirectory} -c`
  const account = isRoot && { uid, gid }
  const server = spawn(process.execPath, ['-e', program], { argv0, cwd: '/', ...account })
  const pidFile = join(dataDirectory!, 'postmaster.pid')
  writeFileSync(pidFile, `${server.pid}${'\n'.repeat(7)}${status}\n`)
  chownSync(pidFile, uid, gid)
  onTestFinished(() => {
    server.kill('SIGKILL')
  })
  const ended = event(server, 'exit')
  ended.then(() => impostor.close())
  return { server, ended }
}
