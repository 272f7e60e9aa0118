import { excerpt } from '../excerpt.js'

/** Enough to recognize a program. A command line may have megabytes, and secrets among its later words. */
const MAX_COMMAND = 300

/** The beginning of a command line, as it is shown and kept. */
export function shortened(command: string): string {
  return excerpt(command.trim(), MAX_COMMAND)
}
