import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'

/**
 * Starts a program that is killed when the test ends, and waits until it prints something or ends.
 * `said` is the text that it printed.
 */
export async function startProgram(
  directory: string,
  command: readonly string[],
  options: Pick<SpawnOptions, 'argv0' | 'uid' | 'gid'> = {},
) {
  const [program = '', ...args] = command
  const child = spawn(program, args, {
    ...options,
    cwd: directory,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const end = async () => {
    // Children of the program may read from the same pipe until it closes.
    child.stdin.end()
    child.kill('SIGKILL')
    await exited
  }
  onTestFinished(end)
  const [said] = await Promise.race([once(child.stdout, 'data'), exited.then(() => [''])])
  return { child, pid: child.pid!, said: String(said), end }
}
