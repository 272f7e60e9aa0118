import { freshDatabase, needs, onLinux, projectDirectory, serveIn } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { connect } from './connect.js'
import { openManager } from './openManager.js'

const service = { projectName: 'consilio', serviceName: 'api' }

/** A registry in which the number belongs to a project that has no other number. */
async function registryWith(...numbers: number[]) {
  const url = await freshDatabase()
  const manager = await openManager(url)
  for (const port of numbers) {
    await manager.addRange('consilio', { startPort: port, endPort: port })
  }
  return { url, manager }
}

test('get-port says that nothing listens on a port', async ({ skip }) => {
  onLinux(skip)
  const { port, end } = await serveIn(projectDirectory({}))
  await end()
  const { url } = await registryWith(port)
  const { ask } = await connect(url)
  const told = await ask('get-port', { ...service, portNumber: port })
  expect(told).toMatchObject({ listening: false })
  expect(told).not.toHaveProperty('listeners')
  expect(told.message).toContain(' Nothing listens there now.')
})

test('get-port says which process listens, and what to do if that is not the service', async ({
  skip,
}) => {
  onLinux(skip)
  const directory = projectDirectory({})
  const { port, pid } = await serveIn(directory)
  const { url } = await registryWith(port)
  const { ask } = await connect(url)
  const told = await ask('get-port', { ...service, portNumber: port })
  expect(told).toMatchObject({ created: true, listening: true })
  expect(told.listeners).toEqual([
    { pid, command: expect.stringContaining('node'), directory, addresses: ['127.0.0.1'] },
  ])
  expect(told.message).toMatch(
    new RegExp(` Process ${pid} \\(.*\\) in ${directory} listens there\\.`),
  )
  expect(told.message).toContain(
    `If that is consilio/api, use it. Otherwise leave the process alone unless you started it. ` +
      `For another number, call release-port with portNumber ${port}, then get-port`,
  )
})

test('get-port distinguishes a process in the service’s directory from others', async ({
  skip,
}) => {
  onLinux(skip)
  const [home, clone, elsewhere] = [
    projectDirectory({}),
    projectDirectory({}),
    projectDirectory({}),
  ]
  const servers = await Promise.all([home, clone, elsewhere].map((each) => serveIn(each)))
  const { url, manager } = await registryWith(...servers.map(({ port }) => port))
  for (const root of [home, clone]) {
    await manager.ensureCheckout('consilio', { root, isLinked: false })
  }
  const { ask } = await connect(url)
  const getAll = () =>
    Promise.all(
      servers.map(({ port }, nth) =>
        ask('get-port', { ...service, serviceName: `api-${nth}`, portNumber: port }),
      ),
    )
  // That a service was allocated from somewhere is recorded only in its directory.
  expect((await getAll())[2]!.listeners).toEqual([
    {
      pid: servers[2]!.pid,
      command: expect.any(String),
      directory: elsewhere,
      addresses: ['127.0.0.1'],
    },
  ])
  const held = await manager.listByProject('consilio')
  await manager.noteAllocations(
    { projectName: 'consilio', hostname: 'localhost', directory: home },
    held.map(({ id }) => id),
  )
  const told = await getAll()
  expect(told.map(({ listeners }) => listeners)).toMatchObject([
    [{ directory: home, isService: true }],
    [{ directory: clone, isService: false }],
    [{ directory: elsewhere, isService: false }],
  ])
  expect(told[0]!.message).toContain(
    `in ${home}, the service's directory, listens there. The service seems to be running already: use it`,
  )
  for (const other of told.slice(1)) {
    expect(other.message).toContain(
      `, not the service's directory (${home}), listens there. Leave `,
    )
  }
})

test('get-port names a stranger that listens on another address than the service', async ({
  skip,
}) => {
  onLinux(skip)
  const [home, elsewhere] = [projectDirectory({}), projectDirectory({})]
  const server = await serveIn(home)
  const { port } = server
  const stranger = await serveIn(elsewhere, port, '127.0.0.2')
  const { url, manager } = await registryWith(port)
  await manager.ensureCheckout('consilio', { root: home, isLinked: false })
  const { ask } = await connect(url)
  await ask('get-port', { ...service, portNumber: port })
  const [held] = await manager.listByProject('consilio')
  const checkout = { projectName: 'consilio', hostname: 'localhost', directory: home }
  await manager.noteAllocations(checkout, [held!.id])
  const told = await ask('get-port', service)
  expect(told.listeners).toHaveLength(2)
  expect(told.listeners).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ pid: server.pid, isService: true, addresses: ['127.0.0.1'] }),
      expect.objectContaining({ pid: stranger.pid, isService: false, addresses: ['127.0.0.2'] }),
    ]),
  )
  expect(told.message).toMatch(
    new RegExp(
      `Process ${server.pid} .+, the service's directory, listens there\\. The service seems to be ` +
        `running already: use it, and do not start a second one\\. Process ${stranger.pid} .+ in ` +
        `${elsewhere}, not the service's directory \\(${home}\\), also listens there, on 127\\.0\\.0\\.2\\. ` +
        'Leave it alone unless you started it\\.',
    ),
  )
  const inspected = await ask('inspect-port', { portNumber: port })
  expect(inspected.processes).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ pid: server.pid, whose: 'holder', addresses: ['127.0.0.1'] }),
      expect.objectContaining({ pid: stranger.pid, whose: 'stranger', addresses: ['127.0.0.2'] }),
    ]),
  )
  expect(inspected.message).toContain(`Beside it, node (pid ${stranger.pid}, in ${elsewhere}, `)
})

test('get-port names the other service of the project whose process listens', async ({ skip }) => {
  onLinux(skip)
  const home = projectDirectory({})
  const { port, pid } = await serveIn(home)
  const { url, manager } = await registryWith(port, port + 1)
  await manager.ensureCheckout('consilio', { root: home, isLinked: false })
  const { allocation } = await manager.claim('consilio', 'web', port + 1)
  await manager.recordProcess(allocation.id, pid)
  const { ask } = await connect(url)
  const told = await ask('get-port', { ...service, portNumber: port })
  expect(told.listeners).toMatchObject([{ pid, isService: false }])
  expect(told.message).toContain(
    ` in ${home}, which is consilio/web's, listens there. Leave the process alone unless you `,
  )
})

test('get-port says that an unknown process listens if it may not see which', async ({ skip }) => {
  onLinux(skip)
  const inside = ['--pid', '--fork', '--mount-proc', '--kill-child']
  needs(skip, 'unshare', ...inside, 'true')
  const { port } = await serveIn(projectDirectory({}))
  const { url } = await registryWith(port)
  const { ask } = await connect(url, { through: ['unshare', ...inside] })
  const told = await ask('get-port', { ...service, portNumber: port })
  expect(told).toMatchObject({ listening: true, listeners: [{ command: 'unknown process' }] })
  expect(told.message).toContain(' An unknown process, hidden from this server, listens there. If ')
})

test('get-port returns a port even if it cannot see what listens there', async () => {
  const { ask } = await connect(await freshDatabase())
  const told = await ask('get-port', { ...service, hostname: 'build-1' })
  expect(told).toMatchObject({ port: 3100, created: true })
  expect(told).not.toHaveProperty('listening')
  expect(told.message).toContain(' Whether something listens there cannot be seen from here.')
})
