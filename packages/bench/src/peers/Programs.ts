import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Askers } from './Askers.js'
import type { Answer, OpenPeer } from './Peer.js'

/** Includes the time of the programs that are started at the same time. */
const TIMEOUT_MS = 60_000

/** A process for each service, from its start to its end. */
export class Programs implements Askers {
  constructor(
    private readonly peer: OpenPeer,
    private readonly signal: AbortSignal,
  ) {}

  ask(services: readonly (readonly string[])[]) {
    return Promise.all(services.flat().map((service) => this.#run(service)))
  }

  async [Symbol.asyncDispose]() {}

  async #run(service: string): Promise<Answer> {
    const { command, args, env, cwd } = this.peer.program(service)
    const { signal } = this
    const started = performance.now()
    const options = { env, cwd, signal, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' as const }
    const answer = await promisify(execFile)(command, args, options).then(
      ({ stdout }) => ({ port: Number(/(\d+)(?: \(existing\))?\s*$/.exec(stdout)?.[1]) }),
      (error) => {
        if (signal.aborted) throw error
        return { error: error.killed ? 'no answer in time' : shortReason(error) }
      },
    )
    return { service, ...answer, ms: performance.now() - started }
  }
}

function shortReason({ stderr, message }: { stderr: string; message: string }) {
  const lines = `${stderr || message}`.trim().split('\n')
  return lines.find((text) => /error/i.test(text)) ?? lines[0]!
}
