import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import type { Environment } from '@ports/testkit'
import { timed } from './timed.js'

export interface ProcessOptions {
  readonly env?: Environment
  readonly signal: AbortSignal
}

/**
 * Measures the milliseconds from the start of a process to its end, including its output.
 * @throws {Error} if its exit status is not 0, because a failure must not count as a fast run
 */
export function wallTime(command: string, args: readonly string[], options: ProcessOptions) {
  return timed(() => promisify(execFile)(command, args, { ...options, maxBuffer: Infinity }))
}

/** Measures how long Node needs to start and do nothing. */
export function bareNode(options: ProcessOptions) {
  return wallTime(process.execPath, ['-e', '0'], options)
}

/** Lets Ctrl-C abort a process without an error of its own. */
export function ignoreAbort(child: ChildProcess) {
  child.on('error', () => {})
  child.stdin?.on('error', () => {})
}

export async function exited(child: ChildProcess) {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
