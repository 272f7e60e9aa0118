import picocolors from 'picocolors'

/**
 * The abilities of one of the two output streams. They differ: one may be a pipe, the other not.
 */
export interface Screen {
  write(text: string): void
  /** Undefined for a pipe or a file, and for a terminal that does not know its width. */
  readonly columns: number | undefined
  /** Plain functions where colour is not wanted. */
  readonly colours: ReturnType<typeof picocolors.createColors>
}

/** Colour only on a terminal, and never under NO_COLOR (https://no-color.org). */
export function screenOf(stream: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): Screen {
  const coloured = Boolean(stream.isTTY) && !environment.NO_COLOR && environment.TERM !== 'dumb'
  return {
    write: (text) => void stream.write(text),
    // A terminal that does not know its width reports 0.
    columns: stream.isTTY && stream.columns > 0 ? stream.columns : undefined,
    colours: picocolors.createColors(coloured),
  }
}
