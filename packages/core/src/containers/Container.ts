import type { Protocol } from '../PortAllocation.js'

/** A port of the host that is forwarded to a container. */
export interface PublishedPort {
  /** `0.0.0.0` and `::` stand for all addresses of their family. */
  readonly address: string
  readonly port: number
  readonly containerPort: number
  readonly protocol: Protocol
}

/** A container that runs, or is paused. The texts in it are what its author wrote. */
export interface Container {
  /** The first twelve digits, as `docker ps` and `podman ps` print them. */
  readonly id: string
  readonly name: string
  readonly image: string
  /** Absent if the program that answered does not report it. */
  readonly runtime?: 'docker' | 'podman'
  readonly composeProject?: string
  readonly composeService?: string
  /** The directory of the Compose file. */
  readonly composeDirectory?: string
  /**
   * Empty for a container in the network namespace of the host, whose processes listen themselves.
   */
  readonly published: readonly PublishedPort[]
}
