import { askApi } from './askApi.js'
import type { Container } from './Container.js'
import { containersOfDocker, containersOfLibpod } from './parseContainers.js'

/** Published ports stay taken while a container is paused. Podman leaves those out unless asked. */
const THAT_HOLD_PORTS = `filters=${encodeURIComponent('{"status":["running","paused"]}')}`

/** Without a version, because Docker 29 refuses the versions that old ones know. */
const OF_DOCKER = `/containers/json?${THAT_HOLD_PORTS}`

/**
 * The first version of Podman whose own list has the form that is read here. The list that Podman
 * makes for Docker's clients has only the first port of a published range in version 4.
 */
const FIRST_LIBPOD_LIST = 4

/** Before this version, a port without an address was published on all IPv4 addresses. */
const FIRST_DUAL_STACK = 6

/**
 * The containers according to the runtime that serves a socket.
 * @throws what is wrong with the connection or the answer; the signal's reason
 */
export async function listContainers(socket: string, signal: AbortSignal): Promise<Container[]> {
  // Docker and Podman answer this at every version.
  const { headers } = await askApi(socket, '/_ping', signal)
  const libpod = /^(?<major>\d+)\.\d+\.\d+/.exec(String(headers['libpod-api-version']))
  const major = Number(libpod?.groups?.major)
  if (major >= FIRST_LIBPOD_LIST) {
    const path = `/v${libpod![0]}/libpod/containers/json?${THAT_HOLD_PORTS}`
    const { body } = await askApi(socket, path, signal)
    return containersOfLibpod(body, major >= FIRST_DUAL_STACK ? ['0.0.0.0', '::'] : ['0.0.0.0'])
  }
  const { body } = await askApi(socket, OF_DOCKER, signal)
  if (libpod) return containersOfDocker(body, 'podman')
  const isDocker = /^Docker\//.test(String(headers.server))
  return containersOfDocker(body, isDocker ? 'docker' : undefined)
}
