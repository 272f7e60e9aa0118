import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  CLI,
  cleanEnvironment,
  type Ended,
  type Environment,
  ended,
  environmentOn,
  portsWith,
  tcpServer,
} from '@ports/testkit'
import { freshDatabase, needs, registryHome, type Skip, skipBecause } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'

/** Skips a test that needs such namespaces and must see the services of its host. */
function needsNamespaces(skip: Skip, ...flags: string[]): void {
  needs(skip, 'unshare', ...flags, 'true')
  if (!existsSync('/proc/sys/net/core/dev_weight')) {
    skipBecause(skip, 'these tests are in a container: its host’s services are elsewhere')
  }
}

const ports = (env: Environment, ...args: string[]) => portsWith(env)(...args)

/** The same in a new network namespace. */
const inOtherNetwork = (env: Environment, ...args: string[]) =>
  ended('unshare', ['-n', process.execPath, CLI, ...args], env)

/** Runs all of the script in one network namespace, with `ports` as the command. */
const scriptInOtherNetwork = (env: Environment, script: string) =>
  ended('unshare', ['-n', 'sh', '-ec', script], { ...env, NODE: process.execPath, CLI })

/** With a /proc whose files the script can replace. */
const scriptWithOwnProc = (env: Environment, script: string) =>
  ended('unshare', ['-m', '--propagation', 'private', 'sh', '-ec', script], {
    ...env,
    NODE: process.execPath,
    CLI,
  })

/** An environment whose embedded registry was never made. */
function freshHome(): Environment {
  const home = registryHome()
  mkdirSync(home, { mode: 0o755 })
  return cleanEnvironment({ PORTS_HOME: home, HOME: dirname(home) })
}

function expectUnknown({ stdout, stderr, status }: Ended, reason: string, ...words: string[]) {
  expect({ stdout, status }, stderr).toEqual({ stdout: '', status: 6 })
  const { error } = JSON.parse(stderr.trim().split('\n').at(-1)!)
  expect(error).toMatchObject({ code: 'UNVERIFIABLE', details: { reason } })
  for (const word of words) expect(error.message).toContain(word)
}

const OTHER_NETWORK = 'not in the network namespace of the services of localhost'

describe('in another network namespace', () => {
  test('a check of the host’s services is unknown, whatever listens', async ({ skip }) => {
    needsNamespaces(skip, '-n')
    const env = freshHome()
    expect(await ports(env, 'get', 'consilio', 'api')).toMatchObject({ stdout: '3100\n' })
    await using server = await tcpServer(() => {})
    const port = `${server.port}`
    expect(await ports(env, 'verify', port)).toMatchObject({ status: 0 })
    for (const verify of [
      ['verify', port, '--json'],
      ['verify', '3100', '--json'],
      ['verify', '3100', '--protocol', 'udp', '--json'],
      ['verify', '3100', '--hostname', '127.0.0.1', '--json'],
    ]) {
      expectUnknown(await inOtherNetwork(env, ...verify), 'other-network', OTHER_NETWORK)
    }
    const listening = await scriptInOtherNetwork(
      env,
      `ip link set lo up 2>/dev/null || true
       "$NODE" -e '
         require("node:net").createServer().listen(3100, "0.0.0.0", () => {
           const { status, stderr } = require("node:child_process")
             .spawnSync(process.env.NODE, [process.env.CLI, "verify", "3100", "--json"])
           process.stderr.write(stderr)
           process.exit(status)
         })'`,
    )
    expectUnknown(listening, 'other-network', OTHER_NETWORK)
  })

  test('an audit names all of the host’s services as unverified', async ({ skip }) => {
    needsNamespaces(skip, '-n')
    const env = freshHome()
    await ports(env, 'get', 'consilio', 'api')
    const { stdout, status } = await inOtherNetwork(env, 'audit', '--json')
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      allocated: 1,
      inUse: 0,
      notRunning: 0,
      unverified: 1,
      conflicts: [],
      unverifiedPorts: [
        {
          port: 3100,
          expected: 'consilio/api',
          actual: 'unverified',
          hostname: 'localhost',
          protocol: 'tcp',
          reason: 'other-network',
        },
      ],
    })
    expect((await inOtherNetwork(env, 'audit')).stdout).toContain('unverified: other network')
    expect(JSON.parse((await ports(env, 'audit', '--json')).stdout)).toMatchObject({
      notRunning: 1,
      unverified: 0,
    })
  })

  test('a server that is started there leaves the services where they were', async ({ skip }) => {
    needsNamespaces(skip, '-n')
    const env = freshHome()
    await ports(env, 'get', 'consilio', 'api')
    await ports(env, 'db', 'stop')
    expect(await inOtherNetwork(env, 'get', 'consilio', 'api')).toMatchObject({ stdout: '3100\n' })
    expectUnknown(await inOtherNetwork(env, 'verify', '3100', '--json'), 'other-network')
  })

  test('a check makes and starts no registry', async ({ skip }) => {
    needsNamespaces(skip, '-n')
    const env = freshHome()
    expectUnknown(await inOtherNetwork(env, 'verify', '3100', '--json'), 'other-network')
    const never = JSON.parse((await ports(env, 'db', 'status', '--json')).stdout)
    expect(never).not.toHaveProperty('dataDirectory')
    await ports(env, 'get', 'consilio', 'api')
    await ports(env, 'db', 'stop')
    expectUnknown(await inOtherNetwork(env, 'verify', '3100', '--json'), 'other-network')
    expect(await ports(env, 'db', 'status')).toMatchObject({ status: 1 })
  })

  test('a registry that was made there answers for the services there', async ({ skip }) => {
    needsNamespaces(skip, '-n')
    const env = freshHome()
    const { stdout, stderr, status } = await scriptInOtherNetwork(
      env,
      `"$NODE" "$CLI" get consilio api
       "$NODE" "$CLI" verify 3100 || echo $?
       "$NODE" "$CLI" db stop
       "$NODE" "$CLI" audit`,
    )
    expect({ stdout, status }, stderr).toEqual({
      stdout: [
        '3100',
        'not listening',
        '1',
        'PORT  EXPECTED      ACTUAL       SCOPE',
        '3100  consilio/api  not running  localhost/tcp',
        '',
        '1 allocated: 0 in use, 1 not running, 0 unverified',
        '',
      ].join('\n'),
      status: 1,
    })
    // The namespace no longer exists, and the third process is in another one.
    expectUnknown(await inOtherNetwork(env, 'verify', '3100', '--json'), 'other-network')
  })

  test('a shared registry knows the namespace of the process that checked first', async ({
    skip,
  }) => {
    needsNamespaces(skip, '-n')
    const env = environmentOn(await freshDatabase(), { PORTS_HOSTNAME: 'alpha' })
    const { stdout } = await scriptInOtherNetwork(
      env,
      `"$NODE" "$CLI" verify 3100 || echo $?
       "$NODE" "$CLI" verify 3100 || echo $?`,
    )
    expect(stdout).toBe('not listening\n1\nnot listening\n1\n')
    expectUnknown(
      await inOtherNetwork(env, 'verify', '3100', '--json'),
      'other-network',
      'not in the network namespace of the services of alpha',
    )
  })
})

describe('a port that is asked for in another network namespace, of a shared registry', () => {
  const shared = async () =>
    environmentOn(await freshDatabase(), { PORTS_HOSTNAME: 'alpha', PORTS_PASS_OVER: '' })

  test('does not say where the services run: checks answer in a later namespace', async ({
    skip,
  }) => {
    needsNamespaces(skip, '-n')
    const env = await shared()
    expect(await inOtherNetwork(env, 'get', 'consilio', 'api')).toMatchObject({ stdout: '3100\n' })
    const { stdout } = await scriptInOtherNetwork(env, '"$NODE" "$CLI" verify 3100 || echo $?')
    expect(stdout).toBe('not listening\n1\n')
  })

  test('is none on which something listens there, unless the services are known to be elsewhere', async ({
    skip,
  }) => {
    needsNamespaces(skip, '-n')
    const env = await shared()
    const getWhileListening = (service: string) =>
      scriptInOtherNetwork(
        env,
        `"$NODE" -e '
           require("node:net").createServer().listen(3100, "0.0.0.0", () => {
             const { status } = require("node:child_process").spawnSync(
               process.env.NODE,
               [process.env.CLI, "get", "consilio", "${service}"],
               { stdio: "inherit" },
             )
             process.exit(status)
           })'`,
      )
    const busy = await getWhileListening('api')
    expect(busy).toMatchObject({ stdout: '3101\n', status: 0 })
    expect(busy.stderr).toContain('Skipped 3100: something unknown to the registry listens on it')
    // Nothing runs on 3101.
    expect(await ports(env, 'audit')).toMatchObject({ status: 1 })
    expect(await getWhileListening('web')).toMatchObject({ stdout: '3100\n', status: 0 })
  })
})

describe('where the home of the registry is hidden', () => {
  test('what only reads does not say that there is no registry', async ({ skip }) => {
    needsNamespaces(skip, '-m')
    const env = freshHome()
    expect(await ports(env, 'list')).toMatchObject({ status: 5 })
    for (const command of ['list', 'audit']) {
      const { stderr, status } = await scriptWithOwnProc(
        env,
        `mount -t tmpfs tmpfs "$HOME"; "$NODE" "$CLI" ${command} --json`,
      )
      expect(status, stderr).toBe(5)
      expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'SANDBOXED' } })
    }
  })
})

describe('where the kernel’s tables are hidden', () => {
  for (const [how, hide] of [
    [
      'empty',
      'mount -t tmpfs tmpfs /proc; mkdir /proc/net; cd /proc/net; : >tcp; : >tcp6; : >udp; : >udp6',
    ],
    ['absent', 'mount -t tmpfs tmpfs /proc'],
    ['not mounted', 'umount -l /proc'],
  ] as const) {
    test(`a check is unknown: they are ${how}`, async ({ skip }) => {
      needsNamespaces(skip, '-m')
      const env = environmentOn('postgresql://127.0.0.1:1/nothing')
      await using server = await tcpServer(() => {})
      for (const more of ['', '--protocol udp', '--hostname 127.0.0.1']) {
        const verify = `"$NODE" "$CLI" verify ${server.port} ${more} --json`
        const checked = await scriptWithOwnProc(env, `${hide}; ${verify}`)
        expectUnknown(
          checked,
          'tables-unreadable',
          "this process cannot read the kernel's socket tables",
        )
      }
    })
  }

  test('get says, when it allocates, that it passed over no number in use', async ({ skip }) => {
    needsNamespaces(skip, '-m')
    const env = environmentOn(await freshDatabase(), { PORTS_PASS_OVER: '' })
    const get = (...more: string[]) =>
      scriptWithOwnProc(env, `umount -l /proc; "$NODE" "$CLI" get consilio ${more.join(' ')}`)
    const told = 'Numbers on which something listens are not passed over: '
    for (const services of [['web'], ['api', 'worker']]) {
      const first = await get(...services)
      expect(first.status, first.stderr).toBe(0)
      expect(first.stderr).toContain(told)
      expect((await get(...services)).stderr).not.toContain(told)
    }
    const json = await get('admin', '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({
      cannotSee: ['tables-unreadable', 'settings-unreadable'],
    })
  })
})
