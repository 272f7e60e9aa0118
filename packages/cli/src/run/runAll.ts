import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import {
  createConcurrently,
  KillOnSignal,
  LogError,
  LogExit,
  Logger,
  LogOutput,
} from 'concurrently'
import { sendSignal } from './child.js'

/**
 * Runs `ports run` for each service, and returns the first status that is not 0, else 0.
 * @param coloured whether the output may have colours, those of the commands too
 */
export async function runAll(
  names: readonly string[],
  environment: NodeJS.ProcessEnv,
  coloured: boolean,
): Promise<number> {
  const main = process.argv[1]!
  const logger = new Logger({ prefixFormat: 'name' })
  logger.toggleColors(coloured)
  const controllers = [
    new LogError({ logger }),
    new LogOutput({ logger }),
    new LogExit({ logger }),
    new KillOnSignal({ process }),
  ]
  const { result, commands } = createConcurrently(
    // The channel closes if this process ends without having sent a signal.
    names.map((name) => ({ name, command: name, ipc: 3 })),
    {
      logger,
      outputStream: process.stdout,
      prefixColors: coloured ? ['auto'] : [],
      controllers,
      // In a session of its own, each gets a signal only once, from here, even for Ctrl-C on a
      // terminal.
      spawn: (name, options) =>
        spawn(process.execPath, [main, 'run', name], {
          ...options,
          // On every terminal the library sets FORCE_COLOR, which takes precedence over NO_COLOR.
          env: coloured ? options.env! : environment,
          detached: true,
        }),
      kill: (pid, signal) => sendSignal(pid, signal as NodeJS.Signals),
    },
  )
  process.on('SIGQUIT', () => {
    for (const command of commands) command.kill('SIGQUIT')
  })
  const signalGroups = (signal: NodeJS.Signals) => {
    for (const { pid } of commands) if (pid !== undefined) sendSignal(-pid, signal)
  }
  process.on('SIGTSTP', () => {
    // In sessions without a terminal, SIGTSTP does nothing.
    signalGroups('SIGSTOP')
    process.kill(process.pid, 'SIGSTOP')
  })
  process.on('SIGCONT', () => signalGroups('SIGCONT'))
  // The result is rejected with the same list if a command failed.
  const ends = await result.catch((failed: unknown) => {
    if (Array.isArray(failed)) return failed as Awaited<typeof result>
    throw failed
  })
  const statuses = ends.map(({ exitCode }) =>
    typeof exitCode === 'number' ? exitCode : 128 + constants.signals[exitCode as NodeJS.Signals],
  )
  return statuses.find((status) => status !== 0) ?? 0
}
