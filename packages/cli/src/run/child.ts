import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/** As env(1) and nohup(1) end if the command cannot be run, and if there is none. */
const CANNOT_RUN = 126
const NOT_FOUND = 127

const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const
/** A terminal sends these to the child as well. Sent twice, many servers would end at once. */
const FROM_TERMINAL: readonly string[] = ['SIGINT', 'SIGQUIT']

export interface Child {
  readonly pid: number | undefined
  /** Resolves with the exit status, as shells count: 128 and the signal's number. */
  readonly ended: Promise<number>
  end(): void
}

export interface Command {
  readonly program: string
  readonly args: readonly string[]
}

/** Starts a command on this process's terminal, and passes signals on to it. */
export function startChild(
  { program, args }: Command,
  cwd: string,
  env: NodeJS.ProcessEnv,
  failed: (reason: string) => void,
): Child {
  const child = spawn(program, args, { cwd, env, stdio: 'inherit' })
  const forward = (signal: NodeJS.Signals) => {
    if (process.stdin.isTTY && FROM_TERMINAL.includes(signal)) return
    child.kill(signal)
  }
  for (const signal of FORWARDED) process.on(signal, forward)
  const ended = new Promise<number>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      failed(error.message)
      resolve(error.code === 'ENOENT' ? NOT_FOUND : CANNOT_RUN)
    })
    child.once('exit', (code, signal) => {
      resolve(code ?? 128 + constants.signals[signal!])
    })
  }).finally(() => {
    for (const signal of FORWARDED) process.off(signal, forward)
  })
  return { pid: child.pid, ended, end: () => child.kill('SIGTERM') }
}
