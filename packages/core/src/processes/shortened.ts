import { excerpt } from '../excerpt.js'

/**
 * In characters. Enough to recognize a program. A command line may be megabytes long, and its later
 * words may contain secrets.
 */
const MAX_COMMAND = 300

/** The beginning of a command line, for display and for the record. */
export function shortened(command: string): string {
  return excerpt(command.trim(), MAX_COMMAND)
}
