import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { MAIN } from './connect.js'

export interface Answer {
  readonly id?: number | string | null
  // biome-ignore lint/suspicious/noExplicitAny: each test says what it expects of it
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

export function call(id: number | string, name: string, args: object = {}) {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } }
}

/** A client that writes whatever a test likes to a server process of its own. */
export class RawClient {
  readonly child: ChildProcessWithoutNullStreams
  readonly answers: Answer[] = []
  log = ''
  readonly #lines

  constructor(environment: Record<string, string>) {
    this.child = spawn(process.execPath, [MAIN], { env: { ...process.env, ...environment } })
    this.child.stdin.on('error', () => {})
    this.child.stderr.on('data', (chunk) => {
      this.log += chunk
    })
    this.#lines = createInterface({ input: this.child.stdout })
    this.#lines.on('line', (line) => this.answers.push(JSON.parse(line)))
    onTestFinished(() => void this.child.kill('SIGKILL'))
  }

  send(...messages: (object | string)[]): void {
    const lines = messages.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)))
    this.child.stdin.write(lines.map((line) => `${line}\n`).join(''))
  }

  /** The answers, once that many have arrived. */
  async received(count: number): Promise<readonly Answer[]> {
    while (this.answers.length < count) await once(this.#lines, 'line')
    return this.answers
  }

  /** Sends a message and returns the next answer. Nothing else may be waiting for one. */
  async ask(message: object | string): Promise<Answer> {
    const before = this.answers.length
    this.send(message)
    return (await this.received(before + 1))[before]!
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
