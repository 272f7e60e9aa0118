import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { needs, skipBecause } from '@ports/testkit/vitest'
import { describe, expect, it } from 'vitest'
import { numbers } from '../sessions.js'
import {
  expectApiKept,
  expectRefusal,
  freshHome,
  getApi,
  inHome,
  makeRegistry,
  once,
  statusOf,
} from './homes.js'
import { running } from './processes.js'
import { isRoot, otherUser } from './users.js'
import { WITHOUT_UNIX_SOCKETS } from './withoutUnixSockets.js'

describe('the environment of PostgreSQL’s clients', () => {
  it('has no effect on the embedded database, neither when it is made nor later', async () => {
    const home = freshHome()
    const environment = {
      PGSSLMODE: 'require',
      PGSSLNEGOTIATION: 'direct',
      PGREPLICATION: 'database',
      PGOPTIONS: '-c default_transaction_read_only=on',
      PGUSER: 'somebody',
      PGPASSWORD: 'secret',
      PGDATABASE: 'elsewhere',
      PGHOST: 'db.example.com',
      PGPORT: '1',
      PGAPPNAME: 'other',
      PGCLIENT_ENCODING: 'LATIN1',
      PGCONNECT_TIMEOUT: '1',
      PGDATA: '/nonexistent',
      PGPASSFILE: '/nonexistent',
    }
    await makeRegistry({ env: { PORTS_HOME: home, ...environment } })
    for (const [name, value] of Object.entries(environment)) {
      const { error, result } = await once(
        { env: { PORTS_HOME: home, [name]: value } },
        (program) => program.get('consilio', name),
      )
      expect({ name, error, result }).toEqual({ name, result: expect.any(Number) })
    }
    await expectApiKept(inHome(home))
  })
})

describe('the server', () => {
  it('keeps no file open of the process that starts it', async ({ skip }) => {
    if (process.platform !== 'linux') skipBecause(skip, 'the open files of a process are in /proc')
    const home = freshHome()
    const lock = join(dirname(home), 'lock')
    const inherited = `exec 5>"$0" 17>"$0" 18>"$0" 200>"$0" 911>"$0"; exec "$@"`
    const status = await makeRegistry(inHome(home, undefined, ['bash', '-c', inherited, lock]))
    const directory = `/proc/${status.pid}/fd`
    const open = readdirSync(directory).map((fd) => readlinkSync(join(directory, fd)))
    expect(open).not.toContain(lock)
    expect(open).toContain(join(status.dataDirectory!, 'ports-server.lock'))
  })
})

describe('a sandbox', () => {
  it('that hides the registry leaves no server behind, and is given no number', async ({
    skip,
  }) => {
    if (process.platform !== 'linux' || !isRoot) {
      skipBecause(skip, 'only root on Linux can make a mount namespace')
    }
    const home = freshHome()
    const hide = 'mount -t tmpfs none "$0" && exec "$@"'
    const sandbox = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', hide, home]
    for (const nth of numbers(1, 3)) {
      const answer = await once(inHome(home, undefined, sandbox), (program) =>
        program.get('consilio', `service-${nth}`),
      )
      expectRefusal(answer, 'SANDBOXED', home, 'sandbox', 'PORTS_DATABASE_URL')
    }
    expect(running(`-D ${home}/data`)).toEqual([])
    expect(readdirSync(home)).toEqual([])
    await makeRegistry(inHome(home))
  })

  it('is noticed where it hides the other processes too', async ({ skip }) => {
    if (process.platform !== 'linux' || !isRoot) {
      skipBecause(skip, 'only root on Linux can make a mount namespace')
    }
    const user = otherUser(skip)
    const home = freshHome('home', 0o755, user)
    await makeRegistry(inHome(home, user))
    const { uid, gid } = user
    const steps = [
      `mount -t tmpfs -o mode=755,uid=${uid} none "$0"`,
      'mount -t proc -o hidepid=invisible proc /proc',
      `exec setpriv --reuid=${uid} --regid=${gid} --clear-groups "$@"`,
    ].join(' && ')
    const sandbox = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', steps, home]
    const answer = await once(inHome(home, undefined, sandbox), getApi)
    expectRefusal(answer, 'SANDBOXED', home)
  })

  it('in which the user is root and nobody else is there cannot run the server', async ({
    skip,
  }) => {
    if (process.platform !== 'linux') skipBecause(skip, 'user namespaces are Linux’s')
    const user = isRoot ? otherUser(skip) : undefined
    const home = freshHome('home', 0o755, user)
    const sandbox = ['unshare', '--user', '--map-root-user']
    const answer = await once(inHome(home, user, sandbox), getApi)
    expectRefusal(answer, 'SANDBOXED', 'user namespace', 'PORTS_DATABASE_URL')
    await makeRegistry(inHome(home, user))
    // While the server runs, it can be used there as well.
    expect((await once(inHome(home, user, sandbox), getApi)).error?.code).not.toBe('SANDBOXED')
  })

  it('that forbids Unix sockets is named, with the ways out', async ({ skip }) => {
    if (process.platform !== 'linux') skipBecause(skip, 'seccomp is Linux’s')
    needs(skip, 'python3', '--version')
    const home = freshHome()
    await makeRegistry(inHome(home))
    const answer = await once(
      inHome(home, undefined, ['python3', '-c', WITHOUT_UNIX_SOCKETS]),
      getApi,
    )
    expectRefusal(answer, 'SANDBOXED', 'Unix sockets', 'PORTS_DATABASE_URL')
    expect((await statusOf(inHome(home))).running).toBe(true)
  })
})

describe('a limit that the server cannot start under', () => {
  it.each([
    ['ulimit -n 64', 'ulimit -n'],
    ['ulimit -s 256', 'ulimit -s'],
    ['ulimit -f 1000', 'ulimit -f'],
  ])('is told with the way to raise it: %s', async (limit, advice) => {
    const home = freshHome()
    const through = ['bash', '-c', `${limit} && exec "$@"`, 'bash']
    const answer = await once(inHome(home, undefined, through), getApi)
    expectRefusal(answer, 'DATABASE_UNAVAILABLE', home, advice)
    expect(answer.error!.message).not.toContain('Make room')
  })

  it('is reported if programs cannot be run from the home', async ({ skip }) => {
    if (process.platform !== 'linux' || !isRoot) skipBecause(skip, 'only root can mount')
    const user = otherUser(skip)
    const home = freshHome('home', 0o755, user)
    spawnSync('mount', ['-t', 'tmpfs', '-o', `noexec,mode=755,uid=${user.uid}`, 'none', home])
    try {
      expectRefusal(await once(inHome(home, user), getApi), 'DATABASE_UNAVAILABLE', 'noexec')
    } finally {
      spawnSync('umount', ['--lazy', home])
    }
  })

  it('is reported if the system makes no directories', async () => {
    for (const home of ['/proc/nope', '/proc/self/nope/deeper', '/sys/nope']) {
      const answer = await once({ env: { PORTS_HOME: home } }, getApi)
      expectRefusal(answer, 'DATABASE_UNAVAILABLE', home, 'PORTS_HOME')
    }
  })
})

describe('programs of another major version', () => {
  it('that made the data are run if they are kept, and named if they are not', async ({ skip }) => {
    const user = isRoot ? otherUser(skip) : undefined
    const home = freshHome('home', 0o755, user)
    await makeRegistry(inHome(home, user))
    await once(inHome(home, user), (program) => program.stop())
    const script = [
      `echo 17 >"$0/data/PG_VERSION"`,
      `for v in 17.2.0 17.10.1; do mkdir -p "$0/postgresql-$v/bin"`,
      `printf '#!/bin/sh\\necho FATAL: this is %s >&2\\nexit 1\\n' $v >"$0/postgresql-$v/bin/postgres"`,
      `chmod 755 "$0/postgresql-$v/bin/postgres"; done`,
    ].join('\n')
    const as = user ?? {}
    expect(spawnSync('sh', ['-c', script, home], as).status).toBe(0)
    expectRefusal(await once(inHome(home, user), getApi), 'DATABASE_UNAVAILABLE', 'this is 17.10.1')

    spawnSync('sh', ['-c', 'rm -r "$0"/postgresql-17.*', home], as)
    expectRefusal(
      await once(inHome(home, user), getApi),
      'DATABASE_UNAVAILABLE',
      'PostgreSQL 17',
      'postgresql-17.*',
    )
    spawnSync('sh', ['-c', 'echo 18 >"$0/data/PG_VERSION"', home], as)
    expect(readFileSync(join(home, 'data', 'PG_VERSION'), 'utf8')).toBe('18\n')
    await expectApiKept(inHome(home, user))
  })
})
