import type { ImportRow, Protocol } from '@ports/core'

/** A number that a source gives to a service. */
export interface FoundRow extends Omit<ImportRow, 'projectName'> {
  readonly protocol: Protocol
  /** Absent where all rows are of one project. */
  readonly projectName?: string
}

/** Something in a source that cannot be imported, or that should be known of a row. */
export interface Note {
  readonly place: string
  readonly reason: string
  /** Whether there is no row because of it. */
  readonly skipped: boolean
}

/** What a source says of numbers. Each finding has a place, such as `line 12`. */
export class Findings {
  readonly rows: FoundRow[] = []
  /** Of the rows, in their order. */
  readonly places: string[] = []
  readonly notes: Note[] = []
  /** The project that the source names itself. */
  projectName: string | undefined

  add(place: string, row: FoundRow): void {
    this.rows.push(row)
    this.places.push(place)
  }

  /** As `add`, for sources in which a number may appear often. The first service gets it. */
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
      `${row.cloudflareHostname ?? serviceName} has ${portNumber} as well, which is the port of ` +
        `${first.serviceName} (${this.places[index]})`,
    )
  }

  /** Something that should be known of what is imported, or of what is not seen. */
  note(place: string, reason: string): void {
    this.notes.push({ place, reason, skipped: false })
  }

  /** Why nothing is imported. */
  skip(place: string, reason: string): void {
    this.notes.push({ place, reason, skipped: true })
  }
}

/** What a reader is given. */
export interface SourceFile {
  readonly content: string
  /** How to name it in errors. */
  readonly source: string
  /** Where it is. */
  readonly directory: string
  /** What it may refer to. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

export type Reader = (file: SourceFile) => Findings
