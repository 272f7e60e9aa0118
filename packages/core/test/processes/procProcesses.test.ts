import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onLinux, skipBecause, startProgram } from '@ports/testkit/vitest'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { readListeningSockets } from '../../src/listeners/procNet.js'
import { listenersOfHost, useOfPort } from '../../src/processes/listeningProcesses.js'
import { procProcesses } from '../../src/processes/procProcesses.js'
import { recordOf } from '../../src/processes/recordOf.js'
import { listenTcp } from '../sockets.js'

const CORE = new URL('../../dist/index.js', import.meta.url).href

beforeEach(({ skip }) => onLinux(skip))

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ports-processes-'))
  // Node's own does not remove paths longer than PATH_MAX.
  onTestFinished(() => {
    spawnSync('rm', ['-rf', directory])
  })
  return directory
}

const LISTEN = `
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1], flush=True)
sys.stdin.read()`

/** A process that runs until the test ends. `port` is what it printed first, 0 if nothing. */
async function python(
  program: string,
  { cwd = process.cwd(), ...account }: { cwd?: string; uid?: number; gid?: number } = {},
) {
  const script = `import ctypes, os, socket, sys\n${program}`
  const command = ['/usr/bin/env', 'python3', '-c', script]
  const { child, pid, said } = await startProgram(cwd, command, account)
  return { child, pid, port: Number(said) }
}

/** What a process with other rights or in other namespaces sees of a port. */
function useSeenBy(skip: (note: string) => never, command: string, port: number, protocol = 'tcp') {
  const program = `import { useOfPort } from ${JSON.stringify(CORE)}
    console.log(JSON.stringify(await useOfPort(${port}, '${protocol}')))`
  const env = { ...process.env, NODE: process.execPath, PROGRAM: program }
  const { stdout, stderr, status, error } = spawnSync('sh', ['-ec', command], {
    env,
    encoding: 'utf8',
  })
  if (status === 77 || error) skipBecause(skip, `not possible here (${stderr.trim() || error})`)
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout)
}

const RUN = '"$NODE" --input-type=module -e "$PROGRAM"'

test('a process whose open files have paths longer than the kernel prints hides no other', async () => {
  const deep = `
os.chdir(${JSON.stringify(temporaryDirectory())})
for _ in range(30):
  os.mkdir("d" * 200)
  os.chdir("d" * 200)
f = open("file", "w")`
  const { pid, port } = await python(`${deep}${LISTEN}`)
  const own = await listenTcp({ host: '127.0.0.1' })
  expect(await useOfPort(own, 'tcp')).toMatchObject({ processes: [{ pid: process.pid }] })
  const use = await useOfPort(port, 'tcp')
  expect(use).toMatchObject({ processes: [{ pid }], hasUnknownProcess: false })
  expect(use!.processes[0]).not.toHaveProperty('directory')
  expect((await listenersOfHost())!.map((each) => each.port)).toContain(port)
  expect(await recordOf(pid)).toMatchObject({ pid })
})

test('of a command line only the beginning is kept', async () => {
  const { port } = await python(`# ${'x'.repeat(5000)}${LISTEN}`)
  const { processes } = (await useOfPort(port, 'tcp'))!
  expect(processes[0]!.command).toMatch(/^\S*python3 -c .+x…$/s)
  expect([...processes[0]!.command!]).toHaveLength(300)
})

test('a process whose directory is gone is told by the path that it had', async () => {
  const cwd = temporaryDirectory()
  const { port } = await python(`os.rmdir(${JSON.stringify(cwd)})${LISTEN}`, { cwd })
  const use = await useOfPort(port, 'tcp')
  expect(use!.processes[0]).toMatchObject({ deletedDirectory: cwd })
  expect(use!.processes[0]).not.toHaveProperty('directory')
})

test('a process does not seem older than what was done before its start', async () => {
  const before = Date.now()
  const { pid } = await python(LISTEN.trimStart())
  const { startedAt } = (await procProcesses.identify(pid))!
  // The kernel counts in hundredths of a second.
  expect(startedAt!.getTime()).toBeGreaterThanOrEqual(before - 20)
})

test('a directory of another mount namespace is not told by its path there', async ({ skip }) => {
  const cwd = temporaryDirectory()
  const mounted = LISTEN.replace(
    'print(',
    `libc = ctypes.CDLL(None)
if libc.unshare(0x20000) != 0: sys.exit(1)
libc.mount(b"none", b"/", None, 0x44000, None)
if libc.mount(b"tmpfs", ${JSON.stringify(cwd)}.encode(), b"tmpfs", 0, None) != 0: sys.exit(1)
os.chdir(MOUNTED)
print(`,
  )
  const inside = await python(mounted.trimStart().replace('MOUNTED', JSON.stringify(cwd)))
  if (inside.port === 0) skipBecause(skip, 'no mount namespace can be made here')
  const beside = await python(mounted.trimStart().replace('MOUNTED', JSON.stringify(tmpdir())))
  const hidden = (await useOfPort(inside.port, 'tcp'))!.processes[0]
  expect(hidden).toMatchObject({ pid: inside.pid })
  expect(hidden).not.toHaveProperty('directory')
  expect((await useOfPort(beside.port, 'tcp'))!.processes[0]).toMatchObject({
    directory: tmpdir(),
  })
})

test('a directory whose name ends like one that is gone keeps its name', async () => {
  const cwd = mkdtempSync(join(temporaryDirectory(), 'x-')).concat(' (deleted)')
  const { port } = await python(
    `os.mkdir(${JSON.stringify(cwd)}); os.chdir(${JSON.stringify(cwd)})${LISTEN}`,
  )
  const use = await useOfPort(port, 'tcp')
  expect(use!.processes[0]).toMatchObject({ directory: cwd })
})

test('a process whose first thread has ended is found by another', async ({ skip }) => {
  if (process.arch !== 'x64') skipBecause(skip, 'the number of exit(2) is that of x64')
  const ending = LISTEN.replace(
    'sys.stdin.read()',
    `threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
ctypes.CDLL(None).syscall(60, 0)`,
  )
  const { pid, port } = await python(`import threading${ending}`)
  expect(await useOfPort(port, 'tcp')).toMatchObject({
    processes: [{ pid }],
    hasUnknownProcess: false,
  })
})

test('a process that has ended since the look is not described', async () => {
  const { child, pid, port } = await python(LISTEN.trimStart())
  const sockets = (await readListeningSockets('tcp'))!.filter((each) => each.port === port)
  const table = (await procProcesses.readTable(sockets))!
  expect(table.pidsOf(sockets[0]!)).toEqual([pid])
  expect(table.describe(pid)).toMatchObject({ pid })
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(table.describe(pid)).toBeUndefined()
})

test('a process that no longer has the socket open is not described', async () => {
  const closed = LISTEN.replace(
    'sys.stdin.read()',
    'sys.stdin.readline(); s.close(); print(".", flush=True); sys.stdin.read()',
  )
  const { child, pid, port } = await python(closed.trimStart())
  const sockets = (await readListeningSockets('tcp'))!.filter((each) => each.port === port)
  const table = (await procProcesses.readTable(sockets))!
  child.stdin!.write('\n')
  await once(child.stdout!, 'data')
  expect(table.describe(pid)).toBeUndefined()
})

test('a process in another network namespace that holds a socket of this one is found', async ({
  skip,
}) => {
  const moved = LISTEN.replace(
    'print(',
    `if ctypes.CDLL(None).unshare(0x40000000) != 0: sys.exit(1)\nprint(`,
  )
  const { pid, port } = await python(moved.trimStart())
  if (port === 0) skipBecause(skip, 'no network namespace can be made here')
  expect(await useOfPort(port, 'tcp')).toMatchObject({
    processes: [{ pid }],
    hasUnknownProcess: false,
  })
})

const AS_NOBODY = 'setpriv --reuid 65534 --regid 65534 --clear-groups'

test("another user's process is unknown", async ({ skip }) => {
  const port = await listenTcp({ host: '127.0.0.1' })
  const use = useSeenBy(skip, `${AS_NOBODY} true || exit 77; ${AS_NOBODY} ${RUN}`, port)
  expect(use).toMatchObject({
    isInUse: true,
    listeners: [{ address: '127.0.0.1', uid: process.getuid!() }],
    processes: [],
    hasUnknownProcess: true,
  })
})

test("a process of one's own user is found among those of others", async ({ skip }) => {
  if (process.getuid!() !== 0) skipBecause(skip, 'only root can start a process of another user')
  const { pid, port } = await python(LISTEN.trimStart(), { uid: 65534, gid: 65534, cwd: '/' })
  const use = useSeenBy(skip, `${AS_NOBODY} true || exit 77; ${AS_NOBODY} ${RUN}`, port)
  expect(use).toMatchObject({ processes: [{ pid, uid: 65534 }], hasUnknownProcess: false })
})

test("another user's process is found by one who may read all files, though not root", async ({
  skip,
}) => {
  const port = await listenTcp({ host: '127.0.0.1' })
  const capable = `${AS_NOBODY} --inh-caps +dac_read_search,+sys_ptrace --ambient-caps +dac_read_search,+sys_ptrace`
  const use = useSeenBy(skip, `${capable} true || exit 77; ${capable} ${RUN}`, port)
  expect(use).toMatchObject({ processes: [{ pid: process.pid }], hasUnknownProcess: false })
})

test.for(['hidepid=1', 'hidepid=2'])(
  'what /proc hides with %s is unknown',
  async (option, { skip }) => {
    const port = await listenTcp({ host: '127.0.0.1' })
    const inside = `mount -t proc -o ${option} proc /proc || exit 77; exec ${AS_NOBODY} ${RUN}`
    const use = useSeenBy(skip, `exec unshare --mount sh -ec '${inside}'`, port)
    expect(use).toMatchObject({ isInUse: true, processes: [], hasUnknownProcess: true })
  },
)

test("a socket of the kernel's own has an unknown process", ({ skip }) => {
  const inside = `ip link set lo up; ip link add vx0 type vxlan id 1 dstport 4789 local 127.0.0.1 || exit 77
    ip link set vx0 up; exec ${RUN}`
  const use = useSeenBy(skip, `exec unshare --net sh -ec '${inside}'`, 4789, 'udp')
  expect(use).toMatchObject({ isInUse: true, processes: [], hasUnknownProcess: true })
})

test.each([0, 1, 4_294_967_295])('a socket with inode %s has no process here', async (inode) => {
  const socket = { protocol: 'tcp', address: '0.0.0.0', port: 2049, inode } as const
  expect((await procProcesses.readTable([socket]))!.pidsOf(socket)).toEqual([])
})

test.for([
  ['the time of the boot', 'mount --bind /dev/null /proc/stat'],
  ['the name of the boot', 'mount -t tmpfs tmpfs /proc/sys/kernel/random'],
])('a process is found where %s cannot be read', async ([, hide], { skip }) => {
  const port = await listenTcp({ host: '127.0.0.1' })
  const inside = `${hide} || exit 77; exec ${RUN}`
  const use = useSeenBy(skip, `exec unshare --mount sh -ec '${inside}'`, port)
  expect(use).toMatchObject({ processes: [{ pid: process.pid }], hasUnknownProcess: false })
})

test('a user without a number in this namespace is not told by the number of others', async ({
  skip,
}) => {
  if (process.getuid!() !== 0) skipBecause(skip, 'only root can start a process of another user')
  const { port } = await python(LISTEN.trimStart(), { uid: 1234, cwd: '/' })
  const use = useSeenBy(skip, `unshare -Ur true || exit 77; exec unshare -Ur ${RUN}`, port)
  expect(use).toEqual({
    isInUse: true,
    listeners: [{ address: '127.0.0.1', pids: [] }],
    processes: [],
    hasUnknownProcess: true,
  })
})
