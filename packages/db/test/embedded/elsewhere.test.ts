import { readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { skipBecause } from '@ports/testkit/vitest'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { numbers } from '../sessions.js'
import {
  expectApiKept,
  expectRefusal,
  freshHome,
  inHome,
  makeRegistry,
  once,
  open,
} from './homes.js'
import { isAlive, serversOf } from './processes.js'
import { isRoot } from './users.js'

/** Runs a program as in a container, with its own PIDs, IPC and mounts. */
const CONTAINER = ['unshare', '--pid', '--ipc', '--mount', '--fork', '--mount-proc']

/**
 * A program that cannot connect to the socket, as on another machine that has the same directory
 * mounted.
 */
function machine(home: string): string[] {
  const owner = '$(stat -c %u "$0")'
  const hide = `mount -t tmpfs -o mode=0700,uid=${owner} none "$0" && exec "$@"`
  return [...CONTAINER, 'sh', '-c', hide, join(home, 'run')]
}

function needsNamespaces(skip: (note: string) => never): void {
  if (process.platform !== 'linux' || !isRoot) {
    skipBecause(skip, 'only root on Linux can make namespaces')
  }
}

describe('one registry home that two machines or containers share', () => {
  it('is served by the first alone, and the other is told so', async ({ skip }) => {
    needsNamespaces(skip)
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    const pidFile = join(status.dataDirectory!, 'postmaster.pid')
    const before = readFileSync(pidFile, 'utf8')
    const here = open(inHome(home))
    const there = open(inHome(home, undefined, machine(home)))
    const service = (nth: number) => `service-${nth}`
    const [ports, refused] = await Promise.all([
      Promise.all(numbers(1, 8).map((nth) => here.get('consilio', service(nth)))),
      there.get('consilio', 'elsewhere'),
    ])
    expectRefusal(refused, 'DATABASE_UNAVAILABLE', status.dataDirectory!, `process ${status.pid}`)
    expectRefusal(refused, 'DATABASE_UNAVAILABLE', 'another container', 'PORTS_DATABASE_URL')
    expectRefusal(await there.stop(), 'DATABASE_UNAVAILABLE', `process ${status.pid}`)
    expect(ports.map(({ result }) => result)).toEqual(numbers(3101, 3108))
    expect(readFileSync(pidFile, 'utf8')).toBe(before)
    expect(isAlive(status.pid!)).toBe(true)

    await here.stop()
    await expectApiKept(inHome(home))
    expect((await once(inHome(home), (program) => program.get('consilio', 'next'))).result).toBe(
      3109,
    )
  })

  it('is served by the other once the first has ended', async ({ skip }) => {
    needsNamespaces(skip)
    const home = freshHome()
    await makeRegistry(inHome(home))
    await once(inHome(home), (program) => program.stop())
    const there = open(inHome(home, undefined, machine(home)))
    expect((await there.get('consilio', 'web')).result).toBe(3101)
    const here = open(inHome(home))
    expectRefusal(await here.get('consilio', 'other'), 'DATABASE_UNAVAILABLE', 'another container')
    expect((await there.stop()).result).toBe(true)
    expect((await here.get('consilio', 'other')).result).toBe(3102)
  })

  it('is served by the other after the first was killed, with what it had acknowledged', async ({
    skip,
  }) => {
    needsNamespaces(skip)
    const home = freshHome()
    const { pid } = await makeRegistry(inHome(home))
    process.kill(pid!, 'SIGKILL')
    const there = open(inHome(home, undefined, machine(home)))
    expect((await there.get('consilio', 'api')).result).toBe(3100)
    expect((await there.stop()).result).toBe(true)
  })

  it('keeps what the first acknowledges while it ends, though others can connect to it', async ({
    skip,
  }) => {
    needsNamespaces(skip)
    const home = freshHome()
    const { pid, socketDirectory } = await makeRegistry(inHome(home))
    const client = new pg.Client({ host: socketDirectory!, user: 'ports', database: 'postgres' })
    await client.connect()
    // Smart shutdown: the server accepts no more connections and waits for its client.
    process.kill(pid!, 'SIGTERM')
    const there = open(inHome(home, undefined, CONTAINER))
    const second = there.get('consilio', 'second')
    const { rows } = await client.query(
      `select ports.get_or_allocate_port('consilio', 'first') as port`,
    )
    expect(serversOf(join(home, 'data'))).toEqual([pid])
    await client.end()
    const answer = await second
    expect(answer.error).toBeUndefined()
    const asked = (service: string) => there.get('consilio', service)
    expect((await asked('first')).result).toBe(rows[0].port)
    expect((await asked('second')).result).toBe(answer.result)
    expect(answer.result).not.toBe(rows[0].port)
    expect((await there.stop()).result).toBe(true)
  })

  it('is not taken from a server whose socket alone is hidden', async ({ skip }) => {
    needsNamespaces(skip)
    const home = freshHome()
    const status = await makeRegistry(inHome(home))
    const hide = machine(home).slice(CONTAINER.length)
    const there = open(inHome(home, undefined, ['unshare', '--mount', ...hide]))
    const answer = await there.get('consilio', 'elsewhere')
    expectRefusal(answer, 'DATABASE_UNAVAILABLE', status.dataDirectory!, `process ${status.pid}`)
    expect(serversOf(status.dataDirectory!)).toEqual([status.pid])
    await expectApiKept(inHome(home))
  })

  it('can be stopped under a new name', async () => {
    const home = freshHome()
    await makeRegistry(inHome(home))
    const renamed = `${home}-renamed`
    renameSync(home, renamed)
    expect((await once(inHome(renamed), (program) => program.stop())).result).toBe(true)
    expect(serversOf(join(home, 'data'))).toEqual([])
    await expectApiKept(inHome(renamed))
    expect((await once(inHome(renamed), (program) => program.stop())).result).toBe(true)
  })
})
