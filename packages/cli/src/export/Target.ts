import type { PortAllocation, PortManager } from '@ports/core'
import type { Context } from '../Context.js'

/** A format that ports are exported to. */
export interface Target {
  /** As it is typed after `ports export`. */
  readonly name: string
  /** Set if a file of it is about one instance of one project, on one host. */
  readonly ofOneProject?: {
    /** What --file names. */
    readonly file: string
  }
  /** The end of file names that the program would not read in this format. */
  readonly refusedExtension?: string
  render(exported: Exported): Promise<Rendered>
}

/** A target with a command of its own. */
export interface TargetCommand extends Target {
  readonly description: string
  readonly help: string
}

/** The ports to export, and what a target may ask about them. */
export interface Exported {
  readonly context: Context
  readonly ports: PortManager
  /** By project, service, instance, host and number. */
  readonly allocations: readonly PortAllocation[]
  /** A file of the project that the exported one adds to. */
  readonly file?: string | undefined
}

export interface Rendered {
  /** The lines of a file of its own. */
  readonly whole: string
  /** Set if these lines need no line that says who wrote them. */
  readonly isBare?: true
  /** Set if it is YAML. */
  readonly yaml?: {
    /** The key whose value the lines of an indented block belong to. */
    readonly under: string
    readonly inside: string
    readonly isList: boolean
  }
  /** How many services it has. */
  readonly services: number
  readonly omissions: readonly Omission[]
  /** What the program needs besides, in sentences. */
  readonly notices?: readonly string[]
}

/** A service that is not exported. */
export interface Omission {
  /** As `nameOfService` has it. */
  readonly service: string
  /** Follows the word `services`: `without a Cloudflare hostname`. */
  readonly reason: string
}
