import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { onTestFinished } from 'vitest'
import { CLI, type Environment, environmentOn } from '../programs.js'

/** Starts the built command line. It is ended with the test. */
export function startPorts(
  directory: string,
  url: string,
  args: readonly string[],
  more?: Environment,
) {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: directory,
    env: environmentOn(url, more),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGTERM'))
  return child
}

/** Reads an output of a program until it contains all of these texts. */
export async function textUntil(output: Readable, ...whats: RegExp[]): Promise<string> {
  let text = ''
  for await (const chunk of output.setEncoding('utf8')) {
    text += chunk
    if (whats.every((what) => what.test(text))) return text
  }
  throw new Error(`It ended, and wrote only:\n${text}`)
}
