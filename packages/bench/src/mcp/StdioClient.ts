import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { exited, ignoreAbort } from '../childProcess.js'

export interface ServerOptions {
  readonly args?: string[]
  readonly env: Record<string, string>
  readonly signal: AbortSignal
}

/**
 * An MCP client that only writes and reads lines, so that its own share of a measurement is small.
 * It waits for each answer before the next request.
 */
export class StdioClient implements AsyncDisposable {
  #child
  #lines
  #requests = 0
  #stderr = ''

  static async connect(file: string, options: ServerOptions) {
    const client = new StdioClient(file, options)
    await client.request('initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'bench', version: '0' },
    })
    client.#write({ method: 'notifications/initialized' })
    return client
  }

  private constructor(file: string, { args = [], env, signal }: ServerOptions) {
    this.#child = spawn(process.execPath, [file, ...args], { env, signal, stdio: 'pipe' })
    ignoreAbort(this.#child)
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#stderr += text
    })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  get pid() {
    return this.#child.pid
  }

  /** @throws {Error} also if the tool refuses: a call that fails is not fast */
  async call(name: string, args: Record<string, unknown>) {
    return accepted(name, await this.request('tools/call', { name, arguments: args }))
  }

  async request(method: string, params: object): Promise<Record<string, unknown>> {
    const id = ++this.#requests
    this.#write({ id, method, params })
    for (;;) {
      const { value, done } = await this.#lines.next()
      if (done) throw new Error(`The server exited during ${method}: ${this.#stderr}`)
      const message = JSON.parse(value)
      if (message.id !== id) continue
      if (message.error) throw new Error(`${method}: ${message.error.message}`)
      return message.result
    }
  }

  async [Symbol.asyncDispose]() {
    this.#child.stdin.end()
    await exited(this.#child)
  }

  #write(message: object) {
    this.#child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  }
}

export function accepted(name: string, result: Record<string, unknown>) {
  if (result.isError) throw new Error(`${name}: ${JSON.stringify(result.content)}`)
  return result
}
