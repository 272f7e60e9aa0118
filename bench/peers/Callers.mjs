import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** Until a process that has to share the cores with all the others is ready. */
const START_MS = 120_000

/** Processes that hold a client of a peer open and ask when they are told to. */
export class Callers {
  #children

  /** @param {import('./Peer.mjs').Command} caller */
  constructor({ command, args, env, cwd }, count, signal) {
    this.#children = Array.from({ length: count }, () => {
      const process = spawn(command, args, { env, cwd, signal, stdio: ['pipe', 'pipe', 'ignore'] })
      process.on('error', () => {})
      process.stdin.on('error', () => {})
      const lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]()
      return { process, lines }
    })
  }

  /** @throws {Error} if one of them does not start */
  async ready() {
    const answers = await Promise.all(this.#children.map((child) => answerOf(child, START_MS)))
    if (answers.includes(undefined)) throw new Error('A caller did not start')
  }

  /**
   * Lets all of them ask at once, each for its own services, and waits for all answers. A caller that
   * does not answer in time has failed for all its services.
   * @param {string[][]} services
   */
  async ask(services, timeoutMs) {
    const started = performance.now()
    const answers = await Promise.all(
      this.#children.map(async (child, index) => {
        child.process.stdin.write(`${JSON.stringify(services[index])}\n`)
        const answer = await answerOf(child, timeoutMs)
        return services[index].map((service, turn) => ({
          service,
          ...(answer?.[turn] ?? { error: 'no answer in time', ms: timeoutMs }),
        }))
      }),
    )
    return { answers: answers.flat(), duration: performance.now() - started }
  }

  async kill() {
    await Promise.all(
      this.#children.map(async ({ process }) => {
        if (process.exitCode !== null || process.signalCode !== null) return
        const ended = once(process, 'exit')
        process.kill('SIGKILL')
        await ended
      }),
    )
  }
}

/** Undefined where none comes. */
async function answerOf({ lines }, timeoutMs) {
  let timer
  const timeout = new Promise((resolve) => {
    timer = setTimeout(() => resolve({ done: true }), timeoutMs)
  })
  const { value, done } = await Promise.race([lines.next(), timeout])
  clearTimeout(timer)
  return done ? undefined : JSON.parse(value)
}
