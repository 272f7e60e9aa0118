import { askApi } from './askApi.js'
import type { Container } from './Container.js'
import { containersOfDocker, containersOfLibpod } from './parseContainers.js'

/** Published ports stay open while a container is paused. Podman leaves those out unless asked. */
const THAT_HOLD_PORTS = `filters=${encodeURIComponent('{"status":["running","paused"]}')}`

/** Without a version, because Docker 29 refuses those that old ones know. */
const OF_DOCKER = `/containers/json?${THAT_HOLD_PORTS}`

/** Podman answers only with a version here, and does not compare it with its own. */
const OF_LIBPOD = `/v4.0.0/libpod/containers/json?${THAT_HOLD_PORTS}`

/**
 * Podman's own list has been like this since then. The list that it makes for Docker's clients has
 * only the first port of a published range in version 4.
 */
const FIRST_LIBPOD_VERSION = 4

/**
 * The containers according to the runtime that serves a socket.
 * @throws what is wrong with the connection or the answer; the signal's reason
 */
export async function listContainers(socket: string, signal: AbortSignal): Promise<Container[]> {
  // Docker and Podman answer this at every version.
  const { headers } = await askApi(socket, '/_ping', signal)
  const libpodVersion = headers['libpod-api-version']
  if (Number.parseInt(String(libpodVersion), 10) >= FIRST_LIBPOD_VERSION) {
    return containersOfLibpod((await askApi(socket, OF_LIBPOD, signal)).body)
  }
  const { body } = await askApi(socket, OF_DOCKER, signal)
  if (libpodVersion !== undefined) return containersOfDocker(body, 'podman')
  const isDocker = /^Docker\//.test(String(headers.server))
  return containersOfDocker(body, isDocker ? 'docker' : undefined)
}
