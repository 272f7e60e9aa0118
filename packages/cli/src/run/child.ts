import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { foregroundOf, isAlive, isInForeground, startOf } from '@ports/core'

/** The statuses of env(1) and nohup(1) if the command cannot be run, and if it is not found. */
export const CANNOT_RUN = 126
export const NOT_FOUND = 127

const FORWARDED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const
/** A terminal sends these to the child too. Many servers end at once if they get one twice. */
const FROM_TERMINAL: readonly string[] = ['SIGINT', 'SIGQUIT']
const ENDING: readonly string[] = [...FROM_TERMINAL, 'SIGTERM', 'SIGHUP']

export interface Child {
  readonly pid: number | undefined
  /** Resolves with the exit status. After a signal it is 128 plus the signal's number, as in shells. */
  readonly ended: Promise<number>
  end(): void
}

export interface Command {
  readonly program: string
  readonly args: readonly string[]
}

/** How long descendants may take to end after the command, once all were sent a signal. */
const LAST_TO_END_MS = 5_000
/** A command that --strict ends is killed if it has not ended by then. */
const KILL_MS = 10_000

/** Processes by pid, with their start times, because a pid may be used again. */
type Descendants = Map<number, number | undefined>

/**
 * Starts a command on this process's terminal, and passes signals on to it. A signal that ends
 * programs is also sent to the descendants that a terminal would send it to, because a shell or npm
 * may end without passing it on. Waits for these to end, too.
 */
export function startChild(
  { program, args }: Command,
  cwd: string,
  env: NodeJS.ProcessEnv,
  failed: (reason: string) => void,
): Child {
  const child = spawn(program, args, { cwd, env, stdio: 'inherit' })
  const signalled: Descendants = new Map()
  const endAll = (signal: NodeJS.Signals) => {
    for (const pid of child.pid === undefined ? [] : foregroundOf(child.pid)) {
      signalled.set(pid, startOf(pid))
    }
    for (const [pid, start] of signalled) if (startOf(pid) === start) sendSignal(pid, signal)
  }
  const forward = (signal: NodeJS.Signals) => {
    if (FROM_TERMINAL.includes(signal) && isInForeground()) return
    if (ENDING.includes(signal)) endAll(signal)
    else child.kill(signal)
  }
  const abandoned = () => forward('SIGTERM')
  for (const signal of FORWARDED) process.on(signal, forward)
  // A run of several services has a channel to each, which is closed even if it is killed.
  if (process.connected) {
    process.on('disconnect', abandoned)
    process.channel!.unref()
  }
  const ended = new Promise<number>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      failed(error.message)
      resolve(error.code === 'ENOENT' ? NOT_FOUND : CANNOT_RUN)
    })
    child.once('exit', async (code, signal) => {
      signalled.delete(child.pid!)
      await endOf(signalled)
      resolve(code ?? 128 + constants.signals[signal!])
    })
  }).finally(() => {
    for (const signal of FORWARDED) process.off(signal, forward)
    process.off('disconnect', abandoned)
  })
  const end = () => {
    endAll('SIGTERM')
    const kill = setTimeout(() => endAll('SIGKILL'), KILL_MS)
    ended.finally(() => clearTimeout(kill))
  }
  return { pid: child.pid, ended, end }
}

async function endOf(descendants: Descendants): Promise<void> {
  const deadline = performance.now() + LAST_TO_END_MS
  const isThere = (pid: number, start: number | undefined) => isAlive(pid) && startOf(pid) === start
  for (const [pid, start] of descendants) {
    while (isThere(pid, start) && performance.now() < deadline) await sleep(20)
  }
}

/** Does nothing if the process has ended. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // The process has ended, or is another user's, as under sudo, which passes signals on.
    const { code = '' } = error as NodeJS.ErrnoException
    if (!['ESRCH', 'EPERM'].includes(code)) throw error
  }
}
