import type { Comparison, Question } from './comparison.js'
import type { Registry } from './Databases.js'

/** A part of docs/performance.md. */
export interface Section {
  readonly title: string
  measure(context: Context): Promise<Result>
}

export interface Context {
  /** The default number of pairs of a comparison. */
  readonly pairs: number
  /** The duration of each side of a pair. */
  readonly seconds: number
  /** Only prove that the section runs. */
  readonly quick: boolean
  /** A directory that is removed after the run. It is the PORTS_HOME of this process. */
  readonly home: string
  /** Aborted by Ctrl-C. Every child process gets it. */
  readonly signal: AbortSignal
  progress(text: string): void
  compare(question: Question): Promise<Comparison>
  /** Creates a registry without ranges in a database of its own. */
  newRegistry(): Promise<Registry>
}

export interface Result {
  readonly intro: string
  readonly rows?: readonly Comparison[]
  readonly tables?: readonly Table[]
  readonly plots?: readonly Plot[]
}

export interface Table {
  readonly caption: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number)[])[]
}

export interface Plot {
  /** The file in docs/, without `.svg`. */
  readonly name: string
  readonly alt: string
  readonly svg: string
}
