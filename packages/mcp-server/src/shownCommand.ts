import { excerpt } from '@ports/core'

/** Command lines can be very long, and have line breaks. */
const MAX_COMMAND = 120

export function shownCommand(command: string): string {
  return excerpt(command.replace(/\s+/g, ' '), MAX_COMMAND)
}
