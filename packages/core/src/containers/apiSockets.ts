import { homedir } from 'node:os'
import { join } from 'node:path'

/** What decides where the sockets of Docker and Podman are. */
export interface SocketPlaces {
  /** DOCKER_HOST. */
  readonly dockerHost?: string
  /** CONTAINER_HOST, which is Podman's. */
  readonly containerHost?: string
  /** XDG_RUNTIME_DIR. */
  readonly runtimeDirectory?: string
  readonly home: string
}

/**
 * The Unix sockets where Docker's API or Podman's may be, most of which a machine does not have. A
 * variable that names another kind of address is ignored, because it leads to another machine.
 */
export function apiSockets(places: SocketPlaces = placesHere()): string[] {
  const { dockerHost, containerHost, runtimeDirectory, home } = places
  const named = [dockerHost, containerHost].flatMap((host) => {
    const path = /^unix:\/\/(\/.+)$/.exec(host ?? '')?.[1]
    return path === undefined ? [] : [path]
  })
  const ofUser = runtimeDirectory
    ? [join(runtimeDirectory, 'docker.sock'), join(runtimeDirectory, 'podman/podman.sock')]
    : []
  return [
    ...named,
    '/var/run/docker.sock',
    '/run/podman/podman.sock',
    ...ofUser,
    // Docker Desktop's on macOS and on Linux, then Colima's.
    join(home, '.docker/run/docker.sock'),
    join(home, '.docker/desktop/docker.sock'),
    join(home, '.colima/default/docker.sock'),
  ]
}

function placesHere(): SocketPlaces {
  return {
    dockerHost: process.env.DOCKER_HOST,
    containerHost: process.env.CONTAINER_HOST,
    runtimeDirectory: process.env.XDG_RUNTIME_DIR || runtimeDirectoryOfUser(),
    home: homedir(),
  }
}

/** systemd's, which `su` and cron do not name (pam_systemd(8)). */
function runtimeDirectoryOfUser(): string | undefined {
  const uid = process.getuid?.()
  return uid === undefined ? undefined : `/run/user/${uid}`
}
