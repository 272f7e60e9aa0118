import { directoryText, excerpt, type ListeningProcess } from '@ports/core'

/** The longest excerpt of a command line, in characters. */
const MAX_COMMAND = 80

/** Such as `process 4242 (node server.js)`. */
export function nameOfProcess({ pid, command }: Pick<ListeningProcess, 'pid' | 'command'>): string {
  return `process ${pid}${command === undefined ? '' : ` (${shortCommand(command)})`}`
}

/** Such as `in /home/ann/shop`. Undefined if that cannot be seen. */
export function inDirectory(
  process: Pick<ListeningProcess, 'directory' | 'deletedDirectory'>,
): string | undefined {
  const directory = directoryText(process)
  return directory === undefined ? undefined : `in ${directory}`
}

/** The beginning of a command line, on one line. */
export function shortCommand(command: string): string {
  return excerpt(command.replace(/\s+/g, ' '), MAX_COMMAND)
}
