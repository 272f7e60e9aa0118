import { spawn } from 'node:child_process'

export interface ProgramOutput {
  readonly status: number
  /** Latin-1: one character for each byte. */
  readonly stdout: string
  readonly stderr: string
}

/**
 * The output of a program. Undefined if the program is missing, is ended by a signal, or has not
 * ended within the limit. After the limit it is sent SIGKILL but not waited for, because a process
 * blocked on a file system that does not answer cannot be killed.
 */
export function outputOf(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  limitMs: number,
): Promise<ProgramOutput | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const texts = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      // Absent if this process can open no more files.
      child[name]?.setEncoding('latin1').on('data', (text: string) => {
        texts[name] += text
      })
    }
    const limit = setTimeout(() => {
      child.kill('SIGKILL')
      // Neither the program nor its descendants may keep this process from ending.
      child.stdout?.destroy()
      child.stderr?.destroy()
      child.unref()
      resolve(undefined)
    }, limitMs)
    child.once('error', () => {
      clearTimeout(limit)
      resolve(undefined)
    })
    child.once('close', (status) => {
      clearTimeout(limit)
      resolve(status === null ? undefined : { status, ...texts })
    })
  })
}
