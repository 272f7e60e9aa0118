import type { ImportRow, Protocol } from '@ports/core'

/** A number that a source gives to a service. */
export interface FoundRow extends Omit<ImportRow, 'projectName'> {
  readonly protocol: Protocol
  /** Absent where all rows are of one project. */
  readonly projectName?: string
}

/** Something in a source that cannot be imported, or that one should know about a row. */
export interface Note {
  readonly place: string
  readonly reason: string
  /** Whether it is the reason that there is no row. */
  readonly skipped: boolean
}

/** The findings in a source about numbers. Each has a place, such as `line 12`. */
export class Findings {
  readonly rows: FoundRow[] = []
  /** The places of the rows, in the same order. */
  readonly places: string[] = []
  readonly notes: Note[] = []
  /** The project that the source itself names. */
  projectName: string | undefined

  add(place: string, row: FoundRow): void {
    this.rows.push(row)
    this.places.push(place)
  }

  /** As `add`, for sources in which a number may appear more than once. The first service gets it. */
  addOnce(place: string, row: FoundRow): void {
    const { portNumber, serviceName, protocol } = row
    const index = this.rows.findIndex(
      (each) => each.portNumber === portNumber && each.protocol === protocol,
    )
    if (index === -1) {
      this.add(place, row)
      return
    }
    const first = this.rows[index]!
    const isSame =
      first.serviceName === serviceName && first.cloudflareHostname === row.cloudflareHostname
    if (isSame) return
    this.skip(
      place,
      `${row.cloudflareHostname ?? serviceName} also uses ${portNumber}, which is the port of ` +
        `${first.serviceName} (${this.places[index]})`,
    )
  }

  /** Notes something that one should know about what is imported, or about what is not read. */
  note(place: string, reason: string): void {
    this.notes.push({ place, reason, skipped: false })
  }

  /** Notes why something is not imported. */
  skip(place: string, reason: string): void {
    this.notes.push({ place, reason, skipped: true })
  }
}

/** The input of a reader. */
export interface SourceFile {
  readonly content: string
  /** Its name in errors. */
  readonly source: string
  /** The directory that it is in. */
  readonly directory: string
  /** The variables that it may refer to. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

export type Reader = (file: SourceFile) => Findings
