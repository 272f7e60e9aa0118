import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

const IN_RUNTIME_DIRECTORY = ['docker.sock', 'podman/podman.sock']

/** The sockets of Docker Desktop on macOS and on Linux, and that of Colima. */
const IN_HOME = [
  '.docker/run/docker.sock',
  '.docker/desktop/docker.sock',
  '.colima/default/docker.sock',
]

/** The settings that determine where the sockets of Docker and Podman are. */
export interface SocketPlaces {
  /** DOCKER_HOST. */
  readonly dockerHost?: string
  /** CONTAINER_HOST, which is Podman's. */
  readonly containerHost?: string
  /** XDG_RUNTIME_DIR. */
  readonly runtimeDirectory?: string
  readonly home?: string
}

/**
 * The Unix sockets where Docker's API or Podman's may be, most of which a machine does not have. A
 * variable that names another kind of address is ignored, because it leads to another machine.
 */
export function apiSockets(places: SocketPlaces = placesHere()): string[] {
  const { dockerHost, containerHost, runtimeDirectory, home } = places
  return [
    ...[dockerHost, containerHost].flatMap(
      (host) => /^unix:\/\/(\/.+)$/.exec(host ?? '')?.[1] ?? [],
    ),
    '/var/run/docker.sock',
    '/run/podman/podman.sock',
    ...inside(runtimeDirectory, IN_RUNTIME_DIRECTORY),
    ...inside(home, IN_HOME),
  ]
}

/** Returns nothing for a relative directory, which depends on where a command is run. */
function inside(directory: string | undefined, names: readonly string[]): string[] {
  if (directory === undefined || !isAbsolute(directory)) return []
  return names.map((name) => join(directory, name))
}

function placesHere(): SocketPlaces {
  return {
    dockerHost: process.env.DOCKER_HOST,
    containerHost: process.env.CONTAINER_HOST,
    runtimeDirectory: process.env.XDG_RUNTIME_DIR || runtimeDirectoryOfUser(),
    home: homeOfUser(),
  }
}

/** The runtime directory that systemd makes. `su` and cron do not name it (pam_systemd(8)). */
function runtimeDirectoryOfUser(): string | undefined {
  const uid = process.getuid?.()
  return uid === undefined ? undefined : `/run/user/${uid}`
}

/** Undefined for a uid without an entry in the user database and without `HOME`. */
function homeOfUser(): string | undefined {
  try {
    return homedir()
  } catch {
    return undefined
  }
}
