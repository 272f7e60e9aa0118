import { excerpt, type ListeningProcess } from '@ports/core'

/** The longest excerpt of a command line, in characters. */
const MAX_COMMAND = 80

/** Such as `process 4242 (node server.js)`. */
export function nameOfProcess({ pid, command }: ListeningProcess): string {
  return `process ${pid}${command === undefined ? '' : ` (${excerpt(command, MAX_COMMAND)})`}`
}
