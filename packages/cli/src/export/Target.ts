import type { PortAllocation, PortManager } from '@ports/core'
import type { Context } from '../Context.js'

/** A format that ports are exported to. */
export interface Target {
  /** As it is typed after `ports export`. */
  readonly name: string
  /** Set if a file in this format covers one instance of one project, on one host. */
  readonly ofOneProject?: {
    /** The description of --file in the help. */
    readonly file: string
  }
  /** The program does not read a file with this extension in this format. */
  readonly refusedExtension?: string
  render(exported: Exported): Promise<Rendered>
}

/** A target with a command of its own. */
export interface TargetCommand extends Target {
  readonly description: string
  readonly help: string
}

/** The ports to export, and the means to find out more about them. */
export interface Exported {
  readonly context: Context
  readonly ports: PortManager
  /** Sorted by project, service, instance, host, number and protocol. */
  readonly allocations: readonly PortAllocation[]
  /** The project's own file, which the exported file overrides. */
  readonly file?: string | undefined
}

export interface Rendered {
  /** The content of a file that contains only the export. */
  readonly whole: string
  /** Set if the file gets no header that says that `ports export` wrote it. */
  readonly isBare?: true
  /** Set if the format is YAML. */
  readonly yaml?: {
    /** The key that contains an indented block. */
    readonly under: string
    /** The lines of an indented block. */
    readonly inside: string
    readonly isList: boolean
  }
  /** The number of exported services. */
  readonly services: number
  readonly omissions: readonly Omission[]
  /** Further steps that the program requires, in sentences. */
  readonly notices?: readonly string[]
}

/** A service that is not exported. */
export interface Omission {
  /** In the form of `nameOfService`. */
  readonly service: string
  /** Follows the word `services`: `without a Cloudflare hostname`. */
  readonly reason: string
}
