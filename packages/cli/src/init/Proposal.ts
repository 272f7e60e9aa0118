import { environmentName, type ProjectService } from '@ports/core'

/** Why something that was found is not in the proposed file. */
export interface Omission {
  /** The file, and the part of it. */
  readonly place: string
  readonly reason: string
}

/** The services of a `ports.json` to be. Several files may say something of one. */
export class Proposal {
  readonly services: Record<string, ProjectService> = {}
  readonly omissions: Omission[] = []

  /** What another file said before stays. */
  add(place: string, name: string, service: ProjectService): void {
    const same = Object.keys(this.services).find(
      (known) => known !== name && environmentName(known) === environmentName(name),
    )
    if (same !== undefined) {
      this.omit(place, `${name} would have the same variables as ${same}`)
      return
    }
    const known = this.services[name] ?? {}
    const { preferredPort, command } = service
    if (command !== undefined && known.command !== undefined && command !== known.command) {
      this.omit(place, `${command}, as ${name} has ${known.command}`)
    }
    if (preferredPort !== undefined && known.preferredPort !== undefined) {
      const isOther = preferredPort !== known.preferredPort
      if (isOther) this.omit(place, `${preferredPort}, as ${name} has ${known.preferredPort}`)
    }
    this.services[name] = { ...service, ...known }
  }

  /** As `add`, for a place that may name several numbers. A service prefers one. */
  addWithNumbers(
    place: string,
    name: string,
    numbers: readonly number[],
    service: ProjectService = {},
  ): void {
    const [preferredPort, ...others] = numbers
    for (const number of others) this.omit(place, `${number}, as ${name} has ${preferredPort}`)
    this.add(place, name, { ...service, ...(preferredPort !== undefined && { preferredPort }) })
  }

  omit(place: string, reason: string): void {
    this.omissions.push({ place, reason })
  }
}
