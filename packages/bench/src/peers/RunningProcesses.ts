import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { exited, ignoreAbort } from '../childProcess.js'
import type { Askers } from './Askers.js'
import type { Answer, Command } from './Peer.js'

/** Until all processes, which share the cores, are ready. */
const START_TIMEOUT_MS = 120_000
/** Until all answers of a round are there. */
const ROUND_TIMEOUT_MS = 20_000

interface Caller {
  readonly child: ChildProcess
  readonly lines: AsyncIterator<string>
}

/** Processes that keep a client of a peer open. */
export class RunningProcesses implements Askers {
  /** @throws {Error} if one of them does not start */
  static async start(caller: Command, count: number, signal: AbortSignal) {
    const running = new RunningProcesses(
      Array.from({ length: count }, () => launch(caller, signal)),
    )
    const answers = await Promise.all(
      running.callers.map((each) => nextLine(each, START_TIMEOUT_MS)),
    )
    if (!answers.includes(undefined)) return running
    await running[Symbol.asyncDispose]()
    throw new Error('A caller did not start')
  }

  private constructor(private readonly callers: readonly Caller[]) {}

  async ask(services: readonly (readonly string[])[]): Promise<Answer[]> {
    const answers = await Promise.all(
      this.callers.map(async (caller, index) => {
        const asked = services[index] ?? []
        caller.child.stdin?.write(`${JSON.stringify(asked)}\n`)
        const answer = await nextLine(caller, ROUND_TIMEOUT_MS)
        return asked.map((service, turn) => ({
          service,
          ...(answer?.[turn] ?? { error: 'no answer in time', ms: ROUND_TIMEOUT_MS }),
        }))
      }),
    )
    return answers.flat()
  }

  async [Symbol.asyncDispose]() {
    for (const { child } of this.callers) child.kill('SIGKILL')
    await Promise.all(this.callers.map(({ child }) => exited(child)))
  }
}

function launch({ command, args, env, cwd }: Command, signal: AbortSignal): Caller {
  const child = spawn(command, args, { env, cwd, signal, stdio: ['pipe', 'pipe', 'ignore'] })
  ignoreAbort(child)
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
}

/** Undefined if there is none in time. */
async function nextLine({ lines }: Caller, timeoutMs: number) {
  const done = new AbortController()
  const timeout = sleep(timeoutMs, undefined, { signal: done.signal }).catch(() => undefined)
  const line = await Promise.race([lines.next(), timeout])
  done.abort()
  return line?.value === undefined ? undefined : JSON.parse(line.value)
}
