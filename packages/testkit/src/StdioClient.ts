import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Environment } from './programs.js'

export interface Answer {
  readonly id?: number | string | null
  // biome-ignore lint/suspicious/noExplicitAny: each caller knows what it asked
  readonly result?: any
  readonly error?: { readonly code: number; readonly message: string }
}

export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 'initialize',
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '0' },
  },
}

/** The call of a tool. */
export function call(id: number | string, name: string, args: Record<string, unknown> = {}) {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } }
}

/**
 * An MCP client with a server process of its own, on its standard input and output. It can write
 * any line, so that a test can violate the protocol. It does little else, so that it hardly affects
 * a measurement.
 */
export class StdioClient {
  readonly child: ChildProcessWithoutNullStreams
  readonly answers: Answer[] = []
  log = ''
  readonly #lines
  #asked = 0
  #isOver = false

  /**
   * Starts the server and asks nothing.
   * @param command the program and its arguments
   * @param signal kills the server
   */
  constructor(command: readonly string[], env: Environment, signal?: AbortSignal) {
    const [program = '', ...args] = command
    this.child = spawn(program, args, { env, ...(signal && { signal }) })
    // If the server has ended, the wait for its answer fails.
    this.child.on('error', () => {})
    this.child.stdin.on('error', () => {})
    this.child.stderr.on('data', (chunk) => {
      this.log += chunk
    })
    this.#lines = createInterface({ input: this.child.stdout })
    this.#lines.on('line', (line) => this.answers.push(JSON.parse(line)))
    this.#lines
      .on('error', () => {})
      .once('close', () => {
        this.#isOver = true
        // Ends the wait for a line.
        this.#lines.emit('error', new Error(`The server ended. ${this.log}`))
      })
  }

  send(...messages: (object | string)[]): void {
    const lines = messages.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)))
    this.child.stdin.write(lines.map((line) => `${line}\n`).join(''))
  }

  /** The answers, once that many have arrived. */
  async received(count: number): Promise<readonly Answer[]> {
    while (this.answers.length < count) {
      if (this.#isOver) throw new Error(`The server has ended. ${this.log}`)
      await once(this.#lines, 'line')
    }
    return this.answers
  }

  /** Sends a message and returns the next answer. Nothing else may be waiting for one. */
  async ask(message: object | string): Promise<Answer> {
    const before = this.answers.length
    this.send(message)
    return (await this.received(before + 1))[before]!
  }

  /** Makes the handshake and returns its result. */
  async initialize() {
    const { result } = await this.ask(INITIALIZE)
    this.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
    return result
  }

  /**
   * Calls a tool and returns its result.
   * @throws {Error} if the server or the tool returns an error
   */
  async call(name: string, args: Record<string, unknown> = {}) {
    const { result, error } = await this.ask(call(this.#asked++, name, args))
    if (error || result.isError) throw new Error(`${name}: ${JSON.stringify(error ?? result)}`)
    return result
  }

  /** Closes the server's standard input and waits until the server has ended. */
  async close(): Promise<void> {
    const { exitCode, signalCode } = this.child
    if (exitCode !== null || signalCode !== null) return
    const exited = once(this.child, 'exit')
    this.child.stdin.end()
    await exited
  }

  /** The most memory that the server has had, in bytes. Linux only. */
  get peakMemory(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024
  }

  /** The processor time that the server has used, in the kernel's ticks. Linux only. */
  get processorTicks(): number {
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8')
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
    return Number(user) + Number(system)
  }
}
