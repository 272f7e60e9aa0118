import { expect, test } from 'vitest'
import { apiSockets } from '../../src/containers/apiSockets.js'

const home = '/home/ada'

test('the sockets of the system and of the home directory are where they may be', () => {
  expect(apiSockets({ home })).toEqual([
    '/var/run/docker.sock',
    '/run/podman/podman.sock',
    '/home/ada/.docker/run/docker.sock',
    '/home/ada/.docker/desktop/docker.sock',
    '/home/ada/.colima/default/docker.sock',
  ])
})

test('the sockets of rootless runtimes are in the runtime directory', () => {
  expect(apiSockets({ home, runtimeDirectory: '/run/user/1000' })).toEqual(
    expect.arrayContaining(['/run/user/1000/docker.sock', '/run/user/1000/podman/podman.sock']),
  )
})

test('the sockets that the environment names come first', () => {
  const named = { dockerHost: 'unix:///srv/d.sock', containerHost: 'unix:///srv/p.sock' }
  expect(apiSockets({ home, ...named }).slice(0, 2)).toEqual(['/srv/d.sock', '/srv/p.sock'])
})

test.each([
  'tcp://10.0.0.7:2375',
  'ssh://ada@build-1',
  'ssh://ada@build-1/run/podman/podman.sock',
  'npipe:////./pipe/docker_engine',
  'unix://',
  'unix://docker.sock',
  '/srv/docker.sock',
  '',
])('an environment that names %j leads to no socket of this machine', (host) => {
  expect(apiSockets({ home, dockerHost: host, containerHost: host })).toEqual(apiSockets({ home }))
})

test('a relative directory leads to no socket', () => {
  expect(apiSockets({ home: '', runtimeDirectory: 'run' })).toEqual(apiSockets({}))
})
