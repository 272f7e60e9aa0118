import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { CLI, ended, environmentOn, portsOn, tcpServer } from '@ports/testkit'
import {
  freshDatabase,
  needs,
  onLinux,
  projectDirectory,
  skipBecause,
  sql,
  unmigratedDatabase,
} from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { serveApi, serveRaw } from '../../core/test/containers/apiServer.js'
import { WITHOUT_UNIX_SOCKETS } from '../../db/test/embedded/withoutUnixSockets.js'

interface Finding {
  readonly check: string
  readonly state: string
  readonly message: string
  readonly fix?: string
}

interface Told {
  readonly ok: boolean
  readonly findings: readonly Finding[]
  readonly status: number | null
}

/** The output of `ports doctor --json` for a registry. */
async function told(url: string, more: Readonly<Record<string, string>> = {}): Promise<Told> {
  const { stdout, stderr, status } = await portsOn(url, more)('doctor', '--json')
  expect(stderr).toBe('')
  return { ...JSON.parse(stdout), status }
}

function of(check: string, { findings }: Told): readonly Finding[] {
  return findings.filter((finding) => finding.check === check)
}

/** The names, sizes and modification times of all files below a directory. */
function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => {
      const { size, mtimeMs } = statSync(join(directory, name))
      return `${name} ${size} ${mtimeMs}`
    })
}

test('a healthy registry has no problem', async () => {
  const doctor = await told(await freshDatabase())
  expect(doctor).toMatchObject({ ok: true, status: 0 })
  expect(doctor.findings.filter(({ state }) => state === 'problem')).toEqual([])
  const messages = of('database', doctor).map(({ message }) => message)
  expect(messages).toEqual([
    expect.stringMatching(/^postgresql:.* because PORTS_DATABASE_URL names it\. It answers\.$/),
    expect.stringMatching(/^Migrated: \d+ migrations applied, none pending\.$/),
    expect.stringMatching(/^\d+ of \d+ connections are open\.$/),
  ])
  const versions = of('versions', doctor)
  expect(versions.map(({ message }) => message.split(' ')[0])).toEqual([
    'ports',
    'Node',
    'PostgreSQL',
  ])
  expect(versions.every(({ state }) => state === 'ok')).toBe(true)
})

test('each finding has a check, a state and a message, and one that is not ok has a fix', async () => {
  const { findings } = await told(await unmigratedDatabase())
  for (const { state, ...finding } of findings) {
    expect(['ok', 'warning', 'problem', 'unknown']).toContain(state)
    const { fix, ...rest } = finding
    expect(rest).toEqual({ check: expect.any(String), message: expect.any(String) })
    if (['warning', 'problem'].includes(state)) expect(fix).toEqual(expect.any(String))
  }
})

test('a person reads a line for each finding, the fix below it, and a summary', async () => {
  const { stdout, status } = await portsOn(await unmigratedDatabase())('doctor')
  expect(status).toBe(1)
  expect(stdout).toMatch(
    /\nproblem {2}database .*Not migrated: .*\n {9}fix: ports db migrate\n(.*\n)*\n\d+ problems?, /,
  )
})

test('without a registry, it says how to make one and makes none', async () => {
  const directory = projectDirectory({})
  const doctor = await told('', { PORTS_HOME: join(directory, 'registry') })
  expect(doctor).toMatchObject({ ok: true, status: 0 })
  expect(of('database', doctor)).toMatchObject([
    { state: 'warning', fix: expect.stringContaining('ports get') },
  ])
  expect(readdirSync(directory)).toEqual([])
})

test('a home in which this user cannot make a registry is a problem, told once', async ({
  skip,
}) => {
  onLinux(skip)
  const inProc = await told('', { PORTS_HOME: '/proc/nope/registry' })
  expect(of('database', inProc)).toMatchObject([
    {
      state: 'problem',
      message: expect.stringContaining('none can be made in /proc/nope/registry'),
    },
  ])
  if (process.getuid?.() !== 0) skipBecause(skip, 'only root can become another user')
  const home = projectDirectory({})
  chmodSync(home, 0o755)
  const env = environmentOn('', { PORTS_HOME: join(home, 'registry') })
  const { stdout } = spawnSync(process.execPath, [CLI, 'doctor', '--json'], {
    cwd: '/',
    encoding: 'utf8',
    env,
    uid: 65_534,
    gid: 65_534,
  })
  const { findings } = JSON.parse(stdout) as { findings: { check: string; message: string }[] }
  expect(findings.filter(({ check }) => check === 'database')).toMatchObject([
    { state: 'problem', message: expect.stringMatching(/none can be made in .+ \(EACCES\)/) },
  ])
  const { message } = findings[0]!
  expect(findings.filter((each) => each.message.includes(message))).toHaveLength(1)
})

test('a database that cannot be reached is a problem, and the other checks still run', async () => {
  const server = await tcpServer(() => {})
  await server[Symbol.asyncDispose]()
  const doctor = await told(server.url)
  expect(doctor).toMatchObject({ ok: false, status: 1 })
  expect(of('database', doctor)).toMatchObject([
    {
      state: 'problem',
      message: expect.stringContaining('The database cannot be reached'),
      fix: 'Start that server, or correct PORTS_DATABASE_URL.',
    },
  ])
  expect(of('versions', doctor)).toMatchObject([{ state: 'ok' }, { state: 'ok' }])
  expect(JSON.stringify(doctor)).not.toContain('secret')
})

test('a database that is not migrated is a problem, and stays so', async () => {
  const url = await unmigratedDatabase()
  const doctor = await told(url)
  expect(doctor).toMatchObject({ ok: false, status: 1 })
  expect(of('database', doctor)).toContainEqual(
    expect.objectContaining({ state: 'problem', fix: 'ports db migrate' }),
  )
  expect(await sql(url, `select from pg_namespace where nspname = 'ports'`)).toEqual([])
})

test('a database that a later version migrated asks for a newer program', async () => {
  const url = await freshDatabase()
  await sql(
    url,
    `insert into ports._prisma_migrations (id, checksum, migration_name, finished_at)
     values ('later', 'sum', '29991231000000_later', now())`,
  )
  expect(of('database', await told(url))).toContainEqual({
    check: 'database',
    state: 'problem',
    message: 'A later version of ports migrated the database: 29991231000000_later.',
    fix: 'Update ports on this machine.',
  })
})

test('a malformed URL is a problem', async () => {
  const doctor = await told('mysql://ports:secret@localhost/ports')
  expect(of('database', doctor)).toMatchObject([{ state: 'problem' }])
  expect(JSON.stringify(doctor)).not.toContain('secret')
})

test('an embedded registry is healthy, and nothing is started or written', async () => {
  const home = projectDirectory({})
  const env = environmentOn('', { PORTS_HOME: home })
  const ports = (...args: string[]) => ended(process.execPath, [CLI, ...args], env)
  const places = [home]
  try {
    expect(await ports('get', 'consilio', 'api')).toMatchObject({ status: 0 })
    const { dataDirectory } = JSON.parse((await ports('db', 'status', '--json')).stdout)
    places.push(dirname(dataDirectory))
    const events = (await ports('history', '--json')).stdout
    const healthy = await ports('doctor', '--json')
    expect(healthy).toMatchObject({ status: 0, stderr: '' })
    for (const check of ['socket', 'disk']) {
      expect(of(check, JSON.parse(healthy.stdout))).toMatchObject([{ state: 'ok' }])
    }
    expect((await ports('history', '--json')).stdout).toBe(events)

    await ports('db', 'stop')
    const before = places.map(filesIn)
    const stopped = await ports('doctor', '--json')
    expect(stopped).toMatchObject({ status: 0, stderr: '' })
    expect(JSON.parse(stopped.stdout).findings).toContainEqual({
      check: 'database',
      state: 'ok',
      message: `Embedded, in ${home}. It is not running. The next call starts it.`,
    })
    expect(places.map(filesIn)).toEqual(before)
    expect(existsSync(join(dataDirectory, 'postmaster.pid'))).toBe(false)

    const sockets = join(dirname(dataDirectory), 'run')
    chmodSync(sockets, 0o755)
    const open = await ports('doctor', '--json')
    expect(open.status).toBe(1)
    expect(of('socket', JSON.parse(open.stdout))).toMatchObject([
      { state: 'problem', fix: `rm -r ${sockets}; the next call makes it again.` },
    ])
  } finally {
    await ports('db', 'stop')
    for (const place of places) rmSync(place, { recursive: true, force: true })
  }
})

test('a held number that browsers refuse is a warning, and the fix moves it', async () => {
  const url = await freshDatabase()
  const ports = portsOn(url)
  await ports('range', 'add', 'consilio', '--start', '6000', '--end', '6001')
  await ports('claim', 'consilio', 'x11', '6000')
  await ports('claim', 'consilio', 'x11', '6000', '--protocol', 'udp')
  const [finding, ...others] = of('blocked', await told(url))
  expect(others).toEqual([])
  expect(finding).toMatchObject({
    state: 'warning',
    message: 'consilio/x11 holds 6000 on localhost, which browsers and fetch() refuse to open.',
    fix: 'ports move consilio x11 <port> --from 6000',
  })
  const words = finding!.fix!.replace('<port>', '6001').split(' ').slice(1)
  expect(await ports(...words)).toMatchObject({ stdout: '6001\n', status: 0 })
  expect(of('blocked', await told(url))).toMatchObject([{ state: 'ok' }])
})

test('ranges among the numbers of outgoing connections are a warning, with one value for all', async ({
  skip,
}) => {
  const { first, last, reserved } = kernelSettings()
  if (reserved !== '') skipBecause(skip, 'this kernel has reserved numbers')
  const url = await freshDatabase()
  const ports = portsOn(url)
  await ports('range', 'create', 'low', '--start', `${first}`, '--end', `${first + 9}`)
  await ports('range', 'create', 'high', '--start', `${last - 9}`, '--end', `${last}`)
  await ports('claim', 'low', 'web', `${first + 3}`)
  expect(of('ephemeral', await told(url))).toMatchObject([
    {
      state: 'warning',
      message: expect.stringContaining(`Services hold ${first + 3}.`),
      fix: expect.stringContaining(
        `net.ipv4.ip_local_reserved_ports=${first}-${first + 9},${last - 9}-${last};`,
      ),
    },
  ])

  /** Skips the test on systems without these settings. */
  function kernelSettings() {
    onLinux(skip)
    const read = (name: string) => readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').trim()
    const [start, end] = read('ip_local_port_range').split(/\s+/).map(Number)
    return { first: start!, last: end!, reserved: read('ip_local_reserved_ports') }
  }
})

test('in another network namespace, it is unknown what listens, and nothing is recorded', async ({
  skip,
}) => {
  needs(skip, 'unshare', '-n', 'true')
  const url = await freshDatabase()
  const elsewhere = async () => {
    const command = ['-n', process.execPath, CLI, 'doctor', '--json']
    const doctor = JSON.parse((await ended('unshare', command, environmentOn(url))).stdout)
    return [...of('namespace', doctor), ...of('ephemeral', doctor)].map(({ state }) => state)
  }
  await elsewhere()
  expect(await sql(url, 'select * from ports.hosts')).toEqual([])
  await sql(url, `insert into ports.hosts (hostname, network) values ('localhost', 'initial')`)
  expect(await elsewhere()).toEqual(['warning', 'unknown'])
})

test('a process that may not use Unix sockets has a problem if its registry needs one', async ({
  skip,
}) => {
  onLinux(skip)
  needs(skip, 'python3', '--version')
  const inSandbox = async (url: string) => {
    const env = environmentOn(url, { PORTS_HOME: join(projectDirectory({}), 'registry') })
    const command = ['-c', WITHOUT_UNIX_SOCKETS, process.execPath, CLI, 'doctor', '--json']
    return of('sandbox', JSON.parse((await ended('python3', command, env)).stdout))
  }
  expect(await inSandbox('')).toMatchObject([
    { state: 'problem', message: expect.stringContaining('may not use Unix sockets') },
  ])
  expect(await inSandbox('postgresql://127.0.0.1:1/nothing')).toMatchObject([{ state: 'warning' }])
})

test('hidden tables of the kernel are a warning', async ({ skip }) => {
  needs(skip, 'unshare', '-m', 'true')
  const { stdout } = await ended(
    'unshare',
    [
      '-m',
      '--propagation',
      'private',
      'sh',
      '-ec',
      'umount -l /proc; "$NODE" "$CLI" doctor --json',
    ],
    { ...environmentOn(await freshDatabase()), NODE: process.execPath, CLI },
  )
  expect(of('sandbox', JSON.parse(stdout))).toMatchObject([
    { state: 'warning', message: expect.stringContaining('socket tables') },
  ])
})

test('a host without an address is reported, whether its name does not exist or cannot be resolved', async () => {
  const url = await freshDatabase()
  await portsOn(url)('get', 'consilio', 'api', '--hostname', 'nas.invalid')
  const names = of('names', await told(url, { PORTS_HOSTNAME: 'here.invalid' }))
  expect(names.map(({ message }) => /\w+\.invalid/.exec(message)?.[0])).toEqual([
    'here.invalid',
    'nas.invalid',
  ])
  // Without a network, the names cannot be looked up.
  for (const { state } of names) expect(['warning', 'unknown']).toContain(state)
})

test('registries of other users are reported', async ({ skip }) => {
  needs(skip, 'unshare', '-m', 'true')
  const home = projectDirectory({})
  const registry = join(home, '.local', 'share', 'ports')
  mkdirSync(join(registry, 'data'), { recursive: true })
  const passwd = join(projectDirectory({}), 'passwd')
  const users = readFileSync('/etc/passwd', 'utf8')
  writeFileSync(passwd, `${users}ada:x:4242:4242::${home}:/bin/sh\n`)
  const before = filesIn(home)
  const { stdout } = await ended(
    'unshare',
    [
      ...['-m', '--propagation', 'private', 'sh', '-ec'],
      'mount --bind "$PASSWD" /etc/passwd; "$NODE" "$CLI" doctor --json',
    ],
    { ...environmentOn(await freshDatabase()), NODE: process.execPath, CLI, PASSWD: passwd },
  )
  expect(of('registries', JSON.parse(stdout))).toContainEqual(
    expect.objectContaining({
      state: 'warning',
      message: expect.stringContaining(`ada has another registry, in ${registry}.`),
    }),
  )
  expect(filesIn(home)).toEqual(before)
})

test('a variable whose name is mistyped is reported, with the one that was meant', async () => {
  const doctor = await told(await freshDatabase(), { PORTS_DATABSE_URL: 'postgresql://a:b@c/d' })
  expect(of('settings', doctor)).toEqual([
    {
      check: 'settings',
      state: 'warning',
      message: 'PORTS_DATABSE_URL is set, but ports does not read it.',
      fix: 'Rename it to PORTS_DATABASE_URL, or unset it.',
    },
  ])
})

test('every variable that the help names is known', async () => {
  const ports = portsOn('')
  const names = (await ports('--help')).stdout.match(/\bPORTS_[A-Z_]+/g) ?? []
  expect(names.length).toBeGreaterThan(5)
  const set = Object.fromEntries(names.map((name) => [name, '']))
  const doctor = await told('', { ...set, PORTS_HOME: join(projectDirectory({}), 'registry') })
  expect(of('settings', doctor)).toMatchObject([{ state: 'ok' }])
})

test('a settings file that is malformed is a problem, and the other checks still run', async () => {
  const directory = settingsOf('{"hostname": ')
  const doctor = await told(await freshDatabase(), { XDG_CONFIG_HOME: directory })
  expect(doctor).toMatchObject({ ok: false, status: 1 })
  expect(of('settings', doctor)).toMatchObject([
    { state: 'problem', message: expect.stringContaining('is not JSON') },
  ])
  expect(of('sandbox', doctor)).not.toEqual([])
})

test('a password that other users may read is a warning, without the password', async () => {
  const url = new URL(await freshDatabase())
  url.searchParams.set('password', 'secret')
  const directory = settingsOf(JSON.stringify({ databaseUrl: url.href }))
  const file = join(directory, 'ports', 'config.json')
  chmodSync(file, 0o644)
  const doctor = await told('', { XDG_CONFIG_HOME: directory })
  expect(of('settings', doctor)).toMatchObject([{ state: 'warning', fix: `chmod 600 ${file}` }])
  expect(JSON.stringify(doctor)).not.toContain('secret')
  chmodSync(file, 0o600)
  expect(of('settings', await told('', { XDG_CONFIG_HOME: directory }))).toMatchObject([
    { state: 'ok' },
  ])
})

test('missing completion of the shell of the user is reported', async () => {
  const url = await freshDatabase()
  const home = projectDirectory({})
  const user = { HOME: home, SHELL: '/bin/bash', XDG_DATA_HOME: join(home, 'data') }
  expect(of('completion', await told(url, user))).toMatchObject([
    { state: 'warning', fix: "echo 'source <(ports completion bash)' >> ~/.bashrc" },
  ])
  writeFileSync(join(home, '.bashrc'), '# source <(ports completion bash)\n')
  expect(of('completion', await told(url, user))).toMatchObject([{ state: 'warning' }])
  writeFileSync(join(home, '.bashrc'), 'alias p=ports\nsource <(ports completion bash)\n')
  expect(of('completion', await told(url, user))).toMatchObject([{ state: 'ok' }])
})

/** A directory for XDG_CONFIG_HOME. */
function settingsOf(content: string): string {
  const directory = projectDirectory({})
  mkdirSync(join(directory, 'ports'))
  writeFileSync(join(directory, 'ports', 'config.json'), content, { mode: 0o600 })
  return directory
}

test('container runtimes are reported, and sockets that do not answer', async () => {
  const socket = await serveApi({
    '/containers/json': [
      { Id: 'c0ffee'.padEnd(64, '0'), Names: ['/web'], Image: 'nginx', Ports: [] },
    ],
  })
  const url = await freshDatabase()
  const seen = of('containers', await told(url, { DOCKER_HOST: `unix://${socket}` }))
  expect(seen).toContainEqual(
    expect.objectContaining({ state: 'ok', message: 'ports can see 1 container.' }),
  )
  const broken = await serveRaw((connection) => connection.destroy())
  const unseen = of('containers', await told(url, { DOCKER_HOST: `unix://${broken}` }))
  expect(unseen).toContainEqual(
    expect.objectContaining({ state: 'warning', message: expect.stringContaining(broken) }),
  )
})
