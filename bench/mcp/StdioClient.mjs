import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/**
 * An MCP client that only writes lines and reads lines, so that next to nothing of what it measures
 * is its own. One question at a time.
 */
export class StdioClient {
  #child
  #lines
  #asked = 0
  #said = ''

  /** Starts the server and asks nothing yet. */
  constructor(file, { args = [], env, signal }) {
    this.#child = spawn(process.execPath, [file, ...args], { env, signal, stdio: 'pipe' })
    // A Ctrl-C ends the server, and the end of its output then ends the wait for answers.
    this.#child.on('error', () => {})
    this.#child.stdin.on('error', () => {})
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#said += text
    })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  get pid() {
    return this.#child.pid
  }

  async initialize() {
    const answer = await this.request('initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'bench', version: '0' },
    })
    this.#write({ method: 'notifications/initialized' })
    return answer
  }

  /** @throws {Error} for a tool's refusal as well: what fails is not fast */
  async call(name, args) {
    const result = await this.request('tools/call', { name, arguments: args })
    if (result.isError) throw new Error(`${name}: ${JSON.stringify(result.content)}`)
    return result
  }

  async request(method, params) {
    this.#asked += 1
    const id = this.#asked
    this.#write({ id, method, params })
    for (;;) {
      const { value, done } = await this.#lines.next()
      if (done) throw new Error(`The server ended at ${method}: ${this.#said}`)
      const message = JSON.parse(value)
      if (message.id !== id) continue
      if (message.error) throw new Error(`${method}: ${message.error.message}`)
      return message.result
    }
  }

  async close() {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return
    this.#child.stdin.end()
    await once(this.#child, 'exit')
  }

  #write(message) {
    this.#child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  }
}
