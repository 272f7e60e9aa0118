import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { projectDirectory } from '@ports/testkit/vitest'
import { describe, expect, test } from 'vitest'
import { readContainers } from '../../src/containers/readContainers.js'
import { containersOn, DOCKER, podman, serveApi, serveHttp, serveRaw } from './apiServer.js'

const ID = '736d278e16190eddce93b6508e01899d6963403194a67da934be8d710ae4d362'
const OTHER_ID = '78c2114bb46d943c938f0a9c18fa22f27a7aa0da75123e284571b58aa2921eb8'

const web = {
  Id: ID,
  Names: ['/shop-web-1'],
  Image: 'nginx:1.27',
  Labels: {},
  Ports: [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 4500, Type: 'tcp' }],
}

const seenWeb = {
  id: '736d278e1619',
  name: 'shop-web-1',
  image: 'nginx:1.27',
  runtime: 'docker',
  published: [{ address: '0.0.0.0', port: 4500, containerPort: 80, protocol: 'tcp' }],
}

const LIBPOD = '/v4.3.1/libpod/containers/json'

const libpodWeb = {
  Id: ID,
  Names: ['web'],
  Image: 'localhost/web:latest',
  Created: '2026-11-28T00:25:47.489858054Z',
  IsInfra: false,
  Labels: null,
  Ports: [
    { host_ip: '', container_port: 80, host_port: 4500, range: 1, protocol: 'tcp' },
    { host_ip: '::1', container_port: 90, host_port: 4600, range: 3, protocol: 'tcp,udp' },
  ],
}

/** The reason why the only socket cannot be used. */
async function reasonOf(socket: string): Promise<string> {
  const { containers, unreachable } = await readContainers({ sockets: [socket] })
  expect(containers).toEqual([])
  expect(unreachable).toEqual([{ socket, reason: expect.any(String) }])
  return unreachable[0]!.reason
}

/** Runs the function without the rights of root. */
async function asNobody<Result>(act: () => Promise<Result>): Promise<Result> {
  const own = process.geteuid!()
  if (own === 0) process.seteuid!(65_534)
  try {
    return await act()
  } finally {
    process.seteuid!(own)
  }
}

describe('Docker', () => {
  test('tells the containers with their ports', async () => {
    expect(await containersOn(await serveApi({ '/containers/json': [web] }))).toEqual([seenWeb])
  })

  test('tells ports of both families, of UDP, and of one address', async () => {
    const Ports = [
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 4500, Type: 'tcp' },
      { IP: '::', PrivatePort: 80, PublicPort: 4500, Type: 'tcp' },
      { IP: '127.0.0.1', PrivatePort: 53, PublicPort: 4700, Type: 'udp' },
    ]
    const [container] = await containersOn(
      await serveApi({ '/containers/json': [{ ...web, Ports }] }),
    )
    expect(container!.published).toEqual([
      { address: '0.0.0.0', port: 4500, containerPort: 80, protocol: 'tcp' },
      { address: '::', port: 4500, containerPort: 80, protocol: 'tcp' },
      { address: '127.0.0.1', port: 4700, containerPort: 53, protocol: 'udp' },
    ])
  })

  test('publishes neither the ports that an image only exposes nor, as far as is told, those of SCTP', async () => {
    const Ports = [
      { PrivatePort: 9999, Type: 'tcp' },
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 4500, Type: 'sctp' },
    ]
    const [container] = await containersOn(
      await serveApi({ '/containers/json': [{ ...web, Ports }] }),
    )
    expect(container!.published).toEqual([])
  })

  test('tells the Compose project of a container', async () => {
    const Labels = {
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'web',
      'com.docker.compose.project.working_dir': '/srv/shop',
    }
    expect(
      await containersOn(await serveApi({ '/containers/json': [{ ...web, Labels }] })),
    ).toEqual([
      {
        ...seenWeb,
        composeProject: 'shop',
        composeService: 'web',
        composeDirectory: '/srv/shop',
      },
    ])
  })

  test('tells no directory of a project if its label is relative', async () => {
    const Labels = {
      'com.docker.compose.project': 'shop',
      'com.docker.compose.project.working_dir': '.',
    }
    expect(
      await containersOn(await serveApi({ '/containers/json': [{ ...web, Labels }] })),
    ).toEqual([{ ...seenWeb, composeProject: 'shop' }])
  })

  test('is taken at its own name for a container, not at those that linked containers use', async () => {
    const Names = ['/app/database', '/shop-db-1']
    const [container] = await containersOn(
      await serveApi({ '/containers/json': [{ ...web, Names }] }),
    )
    expect(container!.name).toBe('shop-db-1')
  })

  test('is asked for containers that hold their ports: those that run or are paused', async () => {
    const asked: string[] = []
    const socket = await serveHttp((request, response) => {
      asked.push(decodeURIComponent(request.url!))
      response.setHeader('server', DOCKER.server).end('[]')
    })
    expect(await containersOn(socket)).toEqual([])
    expect(asked).toEqual(['/_ping', '/containers/json?filters={"status":["running","paused"]}'])
  })

  test('may answer in pieces', async () => {
    const socket = await serveHttp((_, response) => {
      response.setHeader('server', DOCKER.server)
      for (const character of JSON.stringify([web])) response.write(character)
      response.end()
    })
    expect(await containersOn(socket)).toEqual([seenWeb])
  })

  test('is not the only program that has its API', async () => {
    const headers = { server: 'Other/1.0' }
    const [container] = await containersOn(await serveApi({ headers, '/containers/json': [web] }))
    expect(container).not.toHaveProperty('runtime')
  })
})

describe('Podman', () => {
  test('tells every port of a range, and all IPv4 addresses where it gives none', async () => {
    const at = (port: number, containerPort: number, protocol: string) => ({
      address: '::1',
      port,
      containerPort,
      protocol,
    })
    expect(
      await containersOn(await serveApi({ headers: podman('4.3.1'), [LIBPOD]: [libpodWeb] })),
    ).toEqual([
      {
        id: '736d278e1619',
        name: 'web',
        image: 'localhost/web:latest',
        runtime: 'podman',
        published: [
          { address: '0.0.0.0', port: 4500, containerPort: 80, protocol: 'tcp' },
          at(4600, 90, 'tcp'),
          at(4600, 90, 'udp'),
          at(4601, 91, 'tcp'),
          at(4601, 91, 'udp'),
          at(4602, 92, 'tcp'),
          at(4602, 92, 'udp'),
        ],
      },
    ])
  })

  test('publishes a port without an address on both families since version 6', async () => {
    const [Port] = libpodWeb.Ports
    const socket = await serveApi({
      headers: podman('6.1.0-rc1'),
      '/v6.1.0/libpod/containers/json': [{ ...libpodWeb, Ports: [Port] }],
    })
    const [container] = await containersOn(socket)
    expect(container!.published).toEqual([
      { address: '0.0.0.0', port: 4500, containerPort: 80, protocol: 'tcp' },
      { address: '::', port: 4500, containerPort: 80, protocol: 'tcp' },
    ])
  })

  test('before version 4 is asked as Docker is', async () => {
    const Ports = [{ PrivatePort: 80, PublicPort: 4500, Type: 'tcp' }]
    const headers = podman('3.4.4')
    expect(
      await containersOn(await serveApi({ headers, '/containers/json': [{ ...web, Ports }] })),
    ).toEqual([{ ...seenWeb, runtime: 'podman' }])
  })

  test('tells the project of podman-compose', async () => {
    const Labels = { 'io.podman.compose.project': 'shop', 'io.podman.compose.service': 'web' }
    const [container] = await containersOn(
      await serveApi({ headers: podman('4.3.1'), [LIBPOD]: [{ ...libpodWeb, Labels }] }),
    )
    expect(container).toMatchObject({ composeProject: 'shop', composeService: 'web' })
  })

  test('tells the ports of a pod for each container in it, and the one that only keeps it last', async () => {
    const headers = podman('4.3.1')
    const later = '2026-11-28T00:25:48Z'
    const infra = { ...libpodWeb, Id: '1'.repeat(64), Names: ['infra'], IsInfra: true }
    const joined = { ...libpodWeb, Id: OTHER_ID, Names: ['joined'], Created: later }
    const containers = await containersOn(
      await serveApi({ headers, [LIBPOD]: [infra, joined, libpodWeb] }),
    )
    expect(containers.map(({ name }) => name)).toEqual(['web', 'joined', 'infra'])
  })
})

describe('the sockets', () => {
  test('need not be there', async () => {
    const directory = projectDirectory({})
    writeFileSync(join(directory, 'file'), '')
    const sockets = [join(directory, 'docker.sock'), join(directory, 'file/docker.sock')]
    expect(await readContainers({ sockets })).toEqual({ containers: [], unreachable: [] })
  })

  test('are asked once where one is a link to another', async () => {
    let asked = 0
    const socket = await serveHttp((_, response) => {
      asked += 1
      response.end('[]')
    })
    const link = join(projectDirectory({}), 'docker.sock')
    symlinkSync(socket, link)
    expect(await readContainers({ sockets: [link, socket] })).toEqual({
      containers: [],
      unreachable: [],
    })
    expect(asked).toBe(2)
  })

  test('may lead to one runtime, whose containers are told once', async () => {
    const sockets = [
      await serveApi({ '/containers/json': [web] }),
      await serveApi({ '/containers/json': [web, { ...web, Id: OTHER_ID }] }),
    ]
    const { containers } = await readContainers({ sockets })
    expect(containers.map(({ id }) => id)).toEqual(['736d278e1619', '78c2114bb46d'])
  })

  test('answer for themselves: one that fails does not hide the others', async () => {
    const works = await serveApi({ '/containers/json': [web] })
    const hangs = await serveRaw(() => {})
    expect(await readContainers({ sockets: [hangs, works] })).toEqual({
      containers: [seenWeb],
      unreachable: [{ socket: hangs, reason: 'it did not answer within 2000 ms' }],
    })
  })
})

describe('a socket is unreachable', () => {
  test('if its peer stops in the middle of an answer', async () => {
    const socket = await serveHttp((_, response) => {
      response.write('[')
    })
    expect(await reasonOf(socket)).toBe('it did not answer within 2000 ms')
  })

  test('if its peer breaks off in the middle of an answer', async () => {
    const socket = await serveHttp((request, response) => {
      if (request.url === '/_ping') return response.end('OK')
      response.writeHead(200, { 'content-length': 100 }).write('[', () => response.destroy())
    })
    expect(await reasonOf(socket)).toBe('it closed the connection (ECONNRESET)')
  })

  test('if its peer hangs up', async () => {
    const socket = await serveRaw((peer) => peer.on('data', () => peer.destroy()))
    expect(await reasonOf(socket)).toBe('it closed the connection (ECONNRESET)')
  })

  test('if this user may not open it', async () => {
    const socket = await serveApi({ '/containers/json': [web] })
    chmodSync(dirname(socket), 0o755)
    chmodSync(socket, 0o000)
    expect(await asNobody(() => reasonOf(socket))).toBe('it may not be opened (EACCES)')
  })

  test('if this user may not see whether it is there', async () => {
    const directory = projectDirectory({})
    chmodSync(directory, 0o000)
    const reason = await asNobody(() => reasonOf(join(directory, 'docker.sock')))
    expect(reason).toBe('it may not be opened (EACCES)')
  })

  test('if nothing listens on it', async () => {
    const path = join(projectDirectory({}), 'docker.sock')
    writeFileSync(path, '')
    expect(await reasonOf(path)).toBe('nothing listens on it (ECONNREFUSED)')
  })

  test('if it does not speak HTTP', async () => {
    const socket = await serveRaw((peer) => peer.end('SSH-2.0-OpenSSH_9.2\r\n'))
    expect(await reasonOf(socket)).toMatch(/^it does not answer in HTTP \(HPE_\w+\)$/)
  })

  test('if it answers with an error', async () => {
    const socket = await serveHttp((_, response) => {
      response.writeHead(500).end('{"message":"out of order"}')
    })
    expect(await reasonOf(socket)).toBe('it answered /_ping with status 500')
  })

  test('if it answers too much', async () => {
    const socket = await serveHttp((request, response) => {
      if (request.url === '/_ping') return response.end('OK')
      const more = () => {
        while (response.write(Buffer.alloc(1_000_000, ' '))) {}
      }
      response.on('drain', more)
      more()
    })
    await expect
      .poll(() => reasonOf(socket), { timeout: 30_000 })
      .toBe('its answer has more than 10000000 bytes')
  })

  test.each([
    ['no JSON', '<html>'],
    ['no list', '{"message":"page not found"}'],
    ['a list of other things', '[1]'],
    ['a list of nothing', '[null]'],
    ['a container without an id', [{ ...web, Id: undefined }]],
    ['a container with another id', [{ ...web, Id: 'web' }]],
    ['a name that is no text', [{ ...web, Names: [{}] }]],
    ['a label that is no text', [{ ...web, Labels: { 'com.docker.compose.project': 1 } }]],
    ['an invalid address', [{ ...web, Ports: [{ ...web.Ports[0], IP: 'everywhere' }] }]],
    ['an invalid IPv6 address', [{ ...web, Ports: [{ ...web.Ports[0], IP: '::x' }] }]],
    ['an invalid port', [{ ...web, Ports: [{ ...web.Ports[0], PublicPort: 65_536 }] }]],
    ['ports that are no list', [{ ...web, Ports: { '80/tcp': [] } }]],
  ])('if it answers %s', async (_, answer) => {
    const body = typeof answer === 'string' ? answer : JSON.stringify(answer)
    const socket = await serveHttp((_, response) => {
      response.end(body)
    })
    expect(await reasonOf(socket)).toBe('its answer is not a list of containers')
  })

  test.each([
    ['a range that ends above all ports', { host_port: 65_535, range: 2 }],
    ['a range without an end', { range: 1e9 }],
    ['ports as Podman 3 tells them', { host_port: undefined, hostPort: 4500 }],
  ])('if it answers as Podman with %s', async (_, change) => {
    const Ports = [{ ...libpodWeb.Ports[0], ...change }]
    const headers = podman('4.3.1')
    const socket = await serveApi({ headers, [LIBPOD]: [{ ...libpodWeb, Ports }] })
    expect(await reasonOf(socket)).toBe('its answer is not a list of containers')
  })

  test('if a link leads in a circle', async () => {
    const path = join(projectDirectory({}), 'docker.sock')
    symlinkSync(path, path)
    expect(await reasonOf(path)).toMatch(/^ELOOP/)
  })
})

test('an aborted look at the containers ends with the reason of the signal', async () => {
  const reason = new Error('not needed any more')
  const controller = new AbortController()
  const socket = await serveRaw(() => controller.abort(reason))
  const look = () => readContainers({ sockets: [socket], signal: controller.signal })
  await expect(look()).rejects.toBe(reason)
  await expect(look()).rejects.toBe(reason)
})
