import { portsOn } from '@ports/testkit'
import { freshDatabase } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'

const done = (stdout: string) => ({ stdout, stderr: '', status: 0 })

/** The standard output of a command that may also have written to stderr. */
const printed = (stdout: string) => ({ stdout, status: 0 })

test('an instance has ports of its own, which get, allocate and list show', async () => {
  const ports = portsOn(await freshDatabase())
  const login = ['--instance', 'login']
  expect(await ports('get', 'consilio', 'web')).toMatchObject(printed('3100\n'))
  expect(await ports('get', 'consilio', 'web', ...login)).toMatchObject(printed('3101\n'))
  expect(await ports('get', 'consilio', 'web', ...login)).toEqual(done('3101\n'))
  const { stdout } = await ports('allocate', 'consilio', 'web', ...login, '--json')
  expect(JSON.parse(stdout)).toEqual({
    id: expect.any(String),
    port: 3102,
    projectName: 'consilio',
    serviceName: 'web',
    instance: 'login',
    hostname: 'localhost',
    protocol: 'tcp',
  })
  const list = JSON.parse((await ports('list', '--json')).stdout)
  expect(list.map((held: { instance: string }) => held.instance)).toEqual(['', 'login', 'login'])
  expect((await ports('list')).stdout).toBe(
    [
      'PORT  PROJECT   SERVICE  INSTANCE  SCOPE          STATUS     CHECKED',
      '3100  consilio  web      -         localhost/tcp  allocated  never',
      '3101  consilio  web      login     localhost/tcp  allocated  never',
      '3102  consilio  web      login     localhost/tcp  allocated  never',
      '',
    ].join('\n'),
  )
})

test('release and update without an instance mean the primary one alone', async () => {
  const ports = portsOn(await freshDatabase())
  const service = ['consilio', 'web']
  const login = ['--instance', 'login']
  await ports('get', ...service)
  await ports('get', ...service, ...login)
  const described = async () =>
    JSON.parse((await ports('list', '--json')).stdout).map(
      (held: { instance: string; description?: string }) => [held.instance, held.description],
    )
  expect((await ports('update', ...service, '--description', 'main')).stderr).toBe(
    'Updated consilio/web.\n',
  )
  expect(await described()).toEqual([
    ['', 'main'],
    ['login', undefined],
  ])
  expect((await ports('update', ...service, ...login, '--description', 'copy')).stderr).toBe(
    'Updated consilio/web@login.\n',
  )
  expect((await ports('release', ...service)).stderr).toBe('Released 3100/tcp of consilio/web.\n')
  expect(await described()).toEqual([['login', 'copy']])
  const released = await ports('release', ...service, ...login, '--json')
  expect(JSON.parse(released.stdout)).toEqual({
    released: true,
    projectName: 'consilio',
    serviceName: 'web',
    instance: 'login',
    ports: [{ port: 3101, protocol: 'tcp' }],
  })
  expect(await described()).toEqual([])
})

test('a service without such a port is told which of its instances have one', async () => {
  const ports = portsOn(await freshDatabase())
  await ports('get', 'consilio', 'web', '--instance', 'login')
  await ports('get', 'consilio', 'web', '--instance', 'billing')
  await ports('get', 'consilio', 'web', '--instance', 'udp', '--protocol', 'udp')
  await ports('get', 'consilio', 'web', '--instance', 'elsewhere', '--hostname', 'db1')
  await ports('get', 'consilio', 'api', '--instance', 'other')
  const tcp = ['consilio', 'web', '--protocol', 'tcp']
  expect(await ports('release', ...tcp)).toEqual({
    stdout: '',
    stderr:
      'Nothing to release: consilio/web holds no such port. ' +
      'Other instances hold some: --instance billing, --instance login\n',
    status: 1,
  })
  expect(await ports('update', ...tcp, '--type', 'http')).toMatchObject({
    stderr: expect.stringContaining('holds no such port. Other instances hold some: --instance b'),
    status: 1,
  })
  const { stdout } = await ports('release', ...tcp, '--port', '3101', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ released: false, otherInstances: ['billing'] })
})

test('PORTS_INSTANCE names the instance that no option names, and if empty the primary one', async () => {
  const url = await freshDatabase()
  const ports = portsOn(url, { PORTS_INSTANCE: 'login' })
  const primary = portsOn(url, { PORTS_INSTANCE: '' })
  expect(await primary('get', 'consilio', 'web')).toMatchObject(printed('3100\n'))
  expect(await ports('get', 'consilio', 'web')).toMatchObject(printed('3101\n'))
  expect(await ports('get', 'consilio', 'web', '--instance', 'x')).toMatchObject(printed('3102\n'))
  expect(await ports('get', 'consilio', 'web', '--instance', '')).toEqual(done('3101\n'))
  expect((await ports('release', 'consilio', 'web')).stderr).toBe(
    'Released 3101/tcp of consilio/web@login.\n',
  )
  expect((await ports('release', 'consilio', 'web')).stderr).toBe(
    'Nothing to release: consilio/web@login holds no such port. ' +
      "Other instances hold some: --instance '(primary)', --instance x\n",
  )
})

test('an instance that cannot be one is refused by the name of where it was given', async () => {
  const nowhere = 'postgresql://127.0.0.1:1/nothing'
  const inVariable = await portsOn(nowhere, { PORTS_INSTANCE: 'feature/login' })(
    ...['get', 'consilio', 'web', '--json'],
  )
  expect(inVariable).toMatchObject({ stdout: '', status: 2 })
  expect(JSON.parse(inVariable.stderr).error).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/^PORTS_INSTANCE is "feature\/login", .* such as feature-login/),
    details: { field: 'PORTS_INSTANCE', suggestion: 'feature-login' },
  })
  for (const command of [['get'], ['allocate'], ['release'], ['update', '--type', 'http']]) {
    const [verb, ...rest] = command
    const typed = [verb!, 'consilio', 'web', ...rest, '--instance', '../', '--json']
    const { stdout, stderr, status } = await portsOn(nowhere)(...typed)
    expect({ stdout, status }).toEqual({ stdout: '', status: 2 })
    expect(JSON.parse(stderr)).toMatchObject({ error: { details: { field: 'instance' } } })
  }
})
