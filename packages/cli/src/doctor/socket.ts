import { counted } from '@ports/core'
import { commandLine } from '../commandLine.js'
import type { Check, Result } from './Check.js'

/** Checks the directory of the embedded server's socket, and the length of its path. */
export const socketCheck: Check = {
  name: 'socket',
  async run(subject) {
    const embedded = await subject.embedded()
    if (!embedded) return []
    const { dataDirectory } = embedded
    const state = await subject.context.machine.socketState(dataDirectory)
    const { directory, found, pathLength, longestPath } = state
    const results: Result[] = []
    if (found !== undefined && !found.isSafe) {
      results.push({
        state: 'problem',
        message:
          `${directory} should be a directory that only the server can enter, but it belongs to ` +
          `${found.owner} and has mode ${found.mode}.`,
        fix: `${commandLine('rm', '-r', directory)}; the next call makes it again.`,
      })
    }
    if (pathLength > longestPath) {
      results.push({
        state: 'warning',
        message:
          `The path of the socket has ${counted(pathLength, 'byte')}, but programs such as psql ` +
          `accept at most ${longestPath}.`,
        fix: 'Set PORTS_HOME to a shorter path before you make a registry.',
      })
    }
    if (results.length > 0) return results
    const message =
      found === undefined
        ? `The server makes ${directory} when it starts.`
        : `${directory} belongs to ${found.owner} and has mode ${found.mode}.`
    return [{ state: 'ok', message }]
  },
}
