import { type ChildProcess, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { portsIn } from '@ports/testkit'
import {
  databaseWithOwnNumbers,
  freshDatabase,
  projectDirectory,
  startPorts,
  textUntil,
  writeFiles,
} from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'

const listen = `node -e "require('net').createServer().listen(process.env.PORT,process.env.HOST)"`

/** Whether something accepts connections there. */
async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const [event] = await Promise.race([
    once(socket, 'connect').then(() => [true]),
    once(socket, 'error').then(() => [false]),
  ]).catch(() => [false])
  socket.destroy()
  return event!
}

describe('ports up', () => {
  test('prints the variables of all services, or writes them to a file', async () => {
    const services = { web: {}, api: { type: 'http' }, callback: { port: 7005 } }
    const directory = projectDirectory({ 'ports.json': { project: 'shop', services } })
    const ports = portsIn(directory, await freshDatabase())
    await ports('range', 'create', '--start', '7000', '--end', '7009')
    const { stdout, status } = await ports('up')
    expect(status).toBe(0)
    const numbers = [...stdout.matchAll(/^export (\w+)_PORT=(\d+)$/gm)].map(([, name, number]) => [
      name,
      Number(number),
    ])
    expect(Object.fromEntries(numbers)).toEqual({ WEB: 7000, API: 7001, CALLBACK: 7005 })
    expect((await ports('env')).stdout).toBe(stdout)
    const written = await ports('up', '--write', '.env.local')
    expect(written.stdout).toBe('')
    expect(readFileSync(join(directory, '.env.local'), 'utf8')).toContain('\nAPI_PORT=7001\n')
    const asJson = await ports('up', '--write', '.env.local', '--json')
    expect(JSON.parse(asJson.stdout)).toMatchObject({ API_PORT: '7001' })
    const listed = JSON.parse((await ports('list', '--service', 'api', '--json')).stdout)
    expect(listed).toMatchObject([{ serviceType: 'http' }])
    const refused = await ports('up', '--write', 'missing/.env')
    expect(refused).toMatchObject({ stdout: '', status: 2 })
    expect(refused.stderr).toContain('error: There is no directory missing. Make it first.\n')
  })

  test('tells which services hold ports and are no longer in the file', async () => {
    const url = await freshDatabase()
    const file = (...names: string[]) => ({
      'ports.json': { project: 'shop', services: Object.fromEntries(names.map((it) => [it, {}])) },
    })
    const directory = projectDirectory(file('site', 'api'))
    const ports = portsIn(directory, url)
    await ports('range', 'create', '--start', '7000', '--end', '7009')
    const elsewhere = portsIn(projectDirectory({}), url)
    expect((await elsewhere('get', 'shop', 'database')).stdout).toBe('7000\n')
    expect((await ports('up')).stderr).toBe('')
    writeFiles(directory, file('web', 'api'))
    const line =
      'site holds 7001/tcp and is not in ports.json. If it is no longer needed: ports release ' +
      "shop site --instance '(primary)'\n"
    for (const args of [[], ['--json'], ['--write', '.env.local']]) {
      const { stderr, status } = await ports('up', ...args)
      expect(stderr).toContain(line)
      expect(stderr).not.toContain('database')
      expect(status).toBe(0)
    }
    expect((await ports('get', 'site', '--existing')).stdout).toBe('7001\n')
    const clone = projectDirectory(file('site'))
    expect((await portsIn(clone, url)('up')).stderr).toBe('')
    writeFiles(clone, file('web'))
    expect((await portsIn(clone, url)('up')).stderr).toMatch(/^site holds 7004\/tcp and is not in /)
    await ports('release', 'site')
    expect((await ports('up')).stderr).toBe('')
  })

  test('overwrites only a file that it wrote', async () => {
    const directory = projectDirectory({ 'ports.json': { project: 'shop', services: { web: {} } } })
    const ports = portsIn(directory, await freshDatabase())
    writeFileSync(join(directory, '.env'), 'SECRET=1\n')
    const refused = await ports('up', '--write', '.env')
    expect(refused.stderr).toContain('write is ".env", but must be a new file')
    expect(refused.status).toBe(2)
    expect(readFileSync(join(directory, '.env'), 'utf8')).toBe('SECRET=1\n')
    for (const _ of [1, 2]) expect((await ports('up', '--write', '.env.local')).status).toBe(0)
  })

  test.each([
    ['a file without services', { project: 'shop' }, [], 'services in a ports.json'],
    ['--run without commands', { project: 'shop', services: { web: {} } }, ['--run'], 'a command'],
    [
      'a range that is too small',
      { project: 'shop', services: { web: { type: 'http' }, rtp: { count: 10 } } },
      ['--write', '.env'],
      'shop',
    ],
  ])('is refused for %s, and writes nothing', async (_what, file, args, text) => {
    const directory = projectDirectory({ 'ports.json': file })
    const ports = portsIn(directory, await freshDatabase())
    await ports('range', 'create', '--start', '7000', '--end', '7009')
    const { stdout, stderr, status } = await ports('up', ...args)
    expect(status).toBeGreaterThan(1)
    expect(stdout).toBe('')
    expect(stderr).toContain(text)
    expect(existsSync(join(directory, '.env'))).toBe(false)
    expect(JSON.parse((await ports('list', '--json')).stdout)).toEqual([])
  })
})

describe('ports up beside a checkout that holds a fixed port', () => {
  /** A clone of a project whose service callback has its fixed port in the first directory. */
  async function clone(services: (port: number) => object) {
    const url = await databaseWithOwnNumbers('shop')
    const ranges = JSON.parse((await portsIn('/', url)('range', 'list', '--json')).stdout)
    const { startPort } = ranges.find(
      (range: { projectName: string }) => range.projectName === 'shop',
    )
    const file = { 'ports.json': { project: 'shop', services: services(startPort) } }
    const main = projectDirectory(file)
    expect(await portsIn(main, url)('up')).toMatchObject({ stderr: '', status: 0 })
    const directory = projectDirectory(file)
    return { main, directory, url, startPort, ports: portsIn(directory, url) }
  }

  test('gets the ports of the other services, and ends with status 4', async () => {
    const { main, directory, startPort, ports } = await clone((port) => ({
      callback: { port },
      web: {},
      hook: { preferredPort: port + 1 },
    }))
    const { stdout, stderr, status } = await ports('up')
    expect(status).toBe(4)
    expect(stdout).toMatch(/^export WEB_PORT=\d+$/m)
    expect(stdout).toMatch(/^export HOOK_PORT=\d+$/m)
    expect(stdout).not.toContain('CALLBACK')
    expect(stdout).not.toContain(`${startPort}`)
    expect(stderr).toMatch(
      new RegExp(
        `^error: callback has no port here\\. shop/callback has held port ${startPort} on .*` +
          `The holder is the checkout in ${main}\\. .*write preferredPort instead of port there\\.\n$`,
      ),
    )
    const asJson = await ports('up', '--json')
    expect(asJson.status).toBe(4)
    expect(JSON.parse(asJson.stdout)).toHaveProperty('WEB_PORT')
    expect(JSON.parse(asJson.stderr)).toMatchObject({
      error: { code: 'PORT_TAKEN', details: { port: startPort, directory: main } },
    })
    const written = await ports('up', '--write', '.env.local')
    expect(written).toMatchObject({ stdout: '', status: 4 })
    expect(written.stderr).toMatch(/^error: callback has no port here\..*\nWrote 7 variables to /)
    expect(readFileSync(join(directory, '.env.local'), 'utf8')).not.toContain('CALLBACK')
  })

  test('runs the other services, and ends with status 4 once they have ended well', async () => {
    const { ports } = await clone((port) => ({
      callback: { port, command: 'echo callback runs' },
      web: { command: 'echo web runs' },
    }))
    const { stdout, stderr, status } = await ports('up', '--run')
    expect(status).toBe(4)
    expect(stdout).toMatch(/^\[web\] web runs$/m)
    expect(stdout).not.toContain('callback')
    expect(stderr).toMatch(/^error: callback has no port here\./)
  })

  test('runs nothing if that is the only service with a command', async () => {
    const { ports } = await clone((port) => ({ callback: { port, command: 'echo runs' }, web: {} }))
    expect(await ports('up', '--run')).toMatchObject({ stdout: '', status: 4 })
  })

  test('holds a fixed port for both protocols, or for none', async () => {
    const { ports, main, startPort, url } = await clone((port) => ({
      voice: { port, protocols: ['udp'] },
    }))
    writeFiles(main, { 'ports.json': { project: 'shop', services: {} } })
    const services = { voice: { port: startPort, protocols: ['tcp', 'udp'] }, web: {} }
    const other = projectDirectory({ 'ports.json': { project: 'shop', services } })
    const { stdout, stderr, status } = await portsIn(other, url)('up')
    expect({ status }, stderr).toEqual({ status: 4 })
    expect(stdout).not.toContain('VOICE')
    expect(stderr.match(/has no port here/g)).toHaveLength(1)
    expect((await portsIn(other, url)('run', 'voice', '--', 'true')).status).toBe(125)
    const held = JSON.parse((await ports('list', '--json')).stdout)
    const voice = held.filter((each: { serviceName: string }) => each.serviceName === 'voice')
    expect(voice).toMatchObject([{ protocol: 'udp', instance: '' }])
  })

  test('leaves no range behind for a number that is reserved', async () => {
    const url = await databaseWithOwnNumbers('shop')
    const services = { web: {}, kept: { port: 40_127 }, other: { port: 3100 } }
    const ports = portsIn(projectDirectory({ 'ports.json': { project: 'shop', services } }), url)
    await ports('reserve', '40127', '--reason', 'a migration')
    const before = (await ports('range', 'list', '--json')).stdout
    const { stdout, stderr, status } = await ports('up')
    expect(status).toBe(4)
    expect(stdout).toMatch(/^export WEB_PORT=/m)
    expect(stderr).toMatch(/^error: kept has no port here\..*a migration.*write preferredPort/m)
    expect(stderr).toMatch(/^error: other has no port here\..*belongs to consilio/m)
    expect((await ports('range', 'list', '--json')).stdout).toBe(before)
    const run = await ports('run', 'kept', '--', 'true')
    expect(run).toMatchObject({ status: 125, stderr: expect.stringContaining('a migration') })
    const claim = 'To take it anyway: ports claim <project> <service> 40127 --use-reservation'
    expect(run.stderr).toContain(claim)
  })
})

test.each([
  ['in a directory that does not exist', 'no/.env', 'There is no directory no. Make it first.'],
  ['that is a FIFO', 'fifo', 'fifo is no regular file.'],
  ['that a person wrote', '.env', 'write is ".env", but must be a new file, or one that ports up'],
])('ports up allocates nothing for a file %s', async (_what, name, message) => {
  const services = { web: {} }
  const directory = projectDirectory({ 'ports.json': { project: 'shop', services }, '.env': 'A=1' })
  execFileSync('mkfifo', [join(directory, 'fifo')])
  const ports = portsIn(directory, await databaseWithOwnNumbers('shop'))
  const { stdout, stderr, status } = await ports('up', '--write', name)
  expect({ stdout, status }).toEqual({ stdout: '', status: 2 })
  expect(stderr).toContain(message)
  expect(JSON.parse((await ports('list', '--json')).stdout)).toEqual([])
})

test('ports up replaces its file in one step, with its mode, through a link', async () => {
  const services = { web: {} }
  const directory = projectDirectory({ 'ports.json': { project: 'shop', services }, 'sub/x': '' })
  const ports = portsIn(directory, await databaseWithOwnNumbers('shop'))
  symlinkSync('sub/.env', join(directory, '.env'))
  expect((await ports('up', '--write', '.env')).status).toBe(0)
  chmodSync(join(directory, 'sub/.env'), 0o600)
  const before = statSync(join(directory, 'sub/.env'))
  expect((await ports('up', '--write', '.env')).status).toBe(0)
  const after = statSync(join(directory, 'sub/.env'))
  expect(after.ino).not.toBe(before.ino)
  expect(after.mode).toBe(before.mode)
  expect(lstatSync(join(directory, '.env')).isSymbolicLink()).toBe(true)
})

describe('ports up --run', () => {
  const started = async (services: object) => {
    const directory = projectDirectory({ 'ports.json': { project: 'shop', services } })
    return startPorts(directory, await databaseWithOwnNumbers('shop'), ['up', '--run'])
  }

  test('runs all commands, with the name of the service before each line, until Ctrl-C', async () => {
    const child = await started({ web: { command: listen }, api: { command: listen }, db: {} })
    const printed = await textUntil(
      child.stdout,
      /^\[web\] Listening on port \d+/m,
      /^\[api\] Listening on port \d+/m,
    )
    const ports = [...printed.matchAll(/Listening on port (\d+)/g)].map(([, port]) => port)
    expect(new Set(ports).size).toBe(2)
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([0, null])
    for (const port of ports) {
      await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
    }
  })

  test.runIf(process.platform === 'linux').each([
    ['SIGQUIT', async (child: ChildProcess) => child.kill('SIGQUIT')],
    ['SIGKILL', async (child: ChildProcess) => child.kill('SIGKILL')],
    ['that nobody reads its output', async (child: ChildProcess) => child.stdout!.destroy()],
  ])('leaves no server behind at %s', async (_what, end) => {
    const telling = `setInterval(() => console.log('still there'), 100)`
    const command = `node -e "${telling}; ${listen.slice('node -e "'.length)}`
    const child = await started({ web: { command }, api: { command } })
    const printed = await textUntil(
      child.stdout,
      /^\[web\] Listening on port \d+/m,
      /^\[api\] Listening on port \d+/m,
    )
    const ports = [...printed.matchAll(/Listening on port (\d+)/g)].map(([, port]) => Number(port))
    await end(child)
    await expect
      .poll(async () => (await Promise.all(ports.map(listens))).includes(true), { timeout: 10_000 })
      .toBe(false)
  })

  test.runIf(process.platform === 'linux')('stops and continues all commands', async () => {
    const command = `node -e "console.log('pid', process.pid); setInterval(() => {}, 1000)"`
    const child = await started({ web: { command }, api: { command } })
    const printed = await textUntil(child.stdout, /^\[web\] pid \d+/m, /^\[api\] pid \d+/m)
    const pids = [...printed.matchAll(/pid (\d+)/g)].map(([, pid]) => pid)
    const states = () =>
      [child.pid, ...pids].map(
        (pid) => /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))![1],
      )
    for (let times = 0; times < 2; times++) {
      child.kill('SIGTSTP')
      await expect.poll(states, { timeout: 10_000 }).toEqual(['T', 'T', 'T'])
      child.kill('SIGCONT')
      await expect.poll(states, { timeout: 10_000 }).toEqual(['S', 'S', 'S'])
    }
    child.stdout.resume()
    child.kill('SIGINT')
    await once(child, 'exit')
  })

  test('ends with the status of the first command that fails', async () => {
    const child = await started({ web: { command: 'true' }, api: { command: `sh -c "exit 3"` } })
    child.stdout.resume()
    child.stderr.resume()
    expect(await once(child, 'exit')).toEqual([3, null])
  })
})
