import { skipBecause } from '@ports/testkit/vitest'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { containerOf } from '../../src/containers/containerOf.js'
import { readProcNet } from '../../src/listeners/procNet.js'
import { containersOn } from './apiServer.js'
import { type Podman, startPodman } from './podman.js'

let started: Podman | { readonly missing: string }

beforeAll(async () => {
  started = await startPodman()
  if ('missing' in started) return
  const { run } = started
  const label = (name: string, value: string) => `--label=com.docker.compose.${name}=${value}`
  const labels = [
    label('project', 'shop'),
    label('service', 'web'),
    label('project.working_dir', '/srv/shop'),
  ]
  const ports = ['4500:80', '127.0.0.1:4501:81', '4600-4602:90-92', '4700:53/udp', '[::1]:4800:82']
  const published = ports.map((each) => `--publish=${each}`)
  run('run', '--detach', '--name=web', ...published, ...labels, 'box', 'sleep', '300')
  run('run', '--detach', '--name=hosted', '--network=host', 'box', 'nc', '-ll', '-p', '4950')
  run('run', '--detach', '--name=paused', '--publish=4901:80', 'box', 'sleep', '300')
  run('pause', 'paused')
  run('run', '--detach', '--name=joined', '--network=container:web', 'box', 'sleep', '300')
  run('create', '--name=created', '--publish=4902:80', 'box', 'sleep', '300')
})

afterAll(async () => {
  if ('stop' in started) await started.stop()
})

async function seen(skip: (note: string) => never) {
  if ('missing' in started) skipBecause(skip, started.missing)
  const podman = started
  const containers = await containersOn(podman.socket)
  return {
    ...podman,
    containers,
    named: (name: string) => containers.find((each) => each.name === name),
  }
}

test('a container of Podman is told with its image, its Compose project and every port that it publishes', async ({
  skip,
}) => {
  const { named } = await seen(skip)
  expect(named('web')).toEqual({
    id: expect.stringMatching(/^[\da-f]{12}$/),
    name: 'web',
    image: 'localhost/box:latest',
    runtime: 'podman',
    composeProject: 'shop',
    composeService: 'web',
    composeDirectory: '/srv/shop',
    published: expect.arrayContaining([
      { address: '0.0.0.0', port: 4500, containerPort: 80, protocol: 'tcp' },
      { address: '127.0.0.1', port: 4501, containerPort: 81, protocol: 'tcp' },
      { address: '0.0.0.0', port: 4600, containerPort: 90, protocol: 'tcp' },
      { address: '0.0.0.0', port: 4601, containerPort: 91, protocol: 'tcp' },
      { address: '0.0.0.0', port: 4602, containerPort: 92, protocol: 'tcp' },
      { address: '0.0.0.0', port: 4700, containerPort: 53, protocol: 'udp' },
      { address: '::1', port: 4800, containerPort: 82, protocol: 'tcp' },
    ]),
  })
  expect(named('web')!.published).toHaveLength(7)
})

test('a paused container still publishes its ports, and one that was not started none', async ({
  skip,
}) => {
  const { named } = await seen(skip)
  expect(named('paused')!.published).toMatchObject([{ port: 4901 }])
  expect(named('created')).toBeUndefined()
})

test('the container that publishes a port comes before one that joined its network', async ({
  skip,
}) => {
  const { containers } = await seen(skip)
  const publishers = containers.filter(({ published }) =>
    published.some(({ port }) => port === 4500),
  )
  expect(publishers.map(({ name }) => name)).toEqual(['web', 'joined'])
})

test('each published port of rootful Podman has a socket of the host', async ({ skip }) => {
  const { containers, networkTables } = await seen(skip)
  const { listeners } = (await readProcNet(networkTables))!
  for (const { address, port, protocol } of containers.flatMap(({ published }) => published)) {
    expect(listeners).toContainEqual(expect.objectContaining({ address, port, protocol }))
  }
})

test('a container in the network of the host publishes nothing, and its processes are known as its own', async ({
  skip,
}) => {
  const { run, containers, named } = await seen(skip)
  const pid = Number(run('inspect', '--format={{.State.Pid}}', 'hosted'))
  expect(named('hosted')!.published).toEqual([])
  expect(containerOf(pid, containers)).toBe(named('hosted'))
  expect(containerOf(process.pid, containers)).toBeUndefined()
})
