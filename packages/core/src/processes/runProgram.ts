import { spawn } from 'node:child_process'

export interface ProgramOutput {
  readonly status: number
  /** One character a byte. */
  readonly stdout: string
  readonly stderr: string
}

/**
 * What a program prints. Undefined if it is missing, is ended by a signal, or has not ended in
 * time: then it is killed, and not waited for, because a process that waits for a file system that
 * does not answer cannot be killed.
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
      // Neither it nor what it has started may keep this process from ending.
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
