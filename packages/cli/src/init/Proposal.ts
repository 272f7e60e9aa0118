import { environmentName, type ProjectService } from '@ports/core'

/** Something that was found but is not in the proposed file, and why. */
export interface Omission {
  /** The file, and the part of it. */
  readonly place: string
  readonly reason: string
}

/** The services of a proposed `ports.json`. Several files may describe the same service. */
export class Proposal {
  readonly services: Record<string, ProjectService> = {}
  readonly omissions: Omission[] = []

  /** Overwrites nothing that an earlier file said. */
  add(place: string, name: string, service: ProjectService): void {
    const same = Object.keys(this.services).find(
      (known) => known !== name && environmentName(known) === environmentName(name),
    )
    if (same !== undefined) {
      this.omit(place, `${name} would set the same variables as ${same}`)
      return
    }
    const known = this.services[name] ?? {}
    const { preferredPort, command } = service
    if (command !== undefined && known.command !== undefined && command !== known.command) {
      this.omit(place, `${command}, but ${name} already has ${known.command}`)
    }
    if (preferredPort !== undefined && known.preferredPort !== undefined) {
      const isOther = preferredPort !== known.preferredPort
      if (isOther)
        this.omit(place, `${preferredPort}, but ${name} already has ${known.preferredPort}`)
    }
    this.services[name] = { ...service, ...known }
  }

  /** As `add`, for a place that may name several numbers. A service can prefer only one. */
  addWithNumbers(
    place: string,
    name: string,
    numbers: readonly number[],
    service: ProjectService = {},
  ): void {
    const [preferredPort, ...others] = numbers
    for (const number of others)
      this.omit(place, `${number}, but ${name} already has ${preferredPort}`)
    this.add(place, name, { ...service, ...(preferredPort !== undefined && { preferredPort }) })
  }

  omit(place: string, reason: string): void {
    this.omissions.push({ place, reason })
  }
}
