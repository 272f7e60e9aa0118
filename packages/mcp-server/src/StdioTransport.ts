import type { Readable, Writable } from 'node:stream'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  CancelledNotificationSchema,
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  type JSONRPCRequest,
} from '@modelcontextprotocol/sdk/types.js'
import { boundedLines } from './boundedLines.js'
import { RequestQueue } from './RequestQueue.js'
import { notAMessage, type Refusal, readMessage } from './readMessage.js'

/** The limit of the SDK's own transport, which closes on a longer line. */
const MAX_LINE_BYTES = 10 * 1024 * 1024

/**
 * MCP over a pair of streams, one message per line. The buffer is bounded: an over-long line is
 * discarded, and nothing more is read while too much is unanswered or the client does not read
 * its answers. A line that is not a message is answered with a JSON-RPC error, and the connection
 * stays open.
 */
export class StdioTransport implements Transport {
  onmessage?: (message: JSONRPCMessage) => void
  onerror?: (error: Error) => void
  onclose?: () => void
  /**
   * Called when everything that was sent has been read, or no more can be. Requests that were read
   * may still be answered.
   */
  oninputend?: () => void

  readonly #input: Readable
  readonly #output: Writable
  readonly #log: (message: string) => void
  readonly #requests = new RequestQueue<JSONRPCRequest>((request) => this.onmessage?.(request))
  /** The requests to the client that it has not answered yet. */
  readonly #asked = new Set<unknown>()
  #drained: Promise<void> | undefined

  /** @param log is called with one line for each message that was refused or ignored */
  constructor(input: Readable, output: Writable, log: (message: string) => void) {
    this.#input = input
    this.#output = output
    this.#log = log
  }

  async start(): Promise<void> {
    void this.#readAll()
  }

  /** Resolves when the client has room for more. */
  async send(message: JSONRPCMessage): Promise<void> {
    if ('method' in message) this.#noteQuestion(message)
    await this.#write(message)
    if ('id' in message && message.id !== undefined && !('method' in message)) {
      this.#requests.settle(message.id)
    }
  }

  async close(): Promise<void> {
    this.#input.destroy()
    this.onclose?.()
  }

  async #readAll(): Promise<void> {
    try {
      for await (const line of boundedLines(this.#input, MAX_LINE_BYTES)) {
        await this.#take(line)
        await this.#requests.room()
      }
    } catch (error) {
      // The stream was destroyed because the process ends.
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ERR_STREAM_PREMATURE_CLOSE') this.onerror?.(error as Error)
    }
    this.oninputend?.()
  }

  async #take(line: Buffer | undefined): Promise<void> {
    if (line && isBlank(line)) return
    const read = readMessage(line, MAX_LINE_BYTES)
    if ('refusal' in read) return this.#refuse(read.refusal)
    if ('response' in read) return this.#takeResponse(read.response)
    const { data: message } = JSONRPCMessageSchema.safeParse(read.message)
    if (!message || !('method' in message)) return this.#refuse(notAMessage(read.message))
    if ('id' in message) return this.#requests.add(message, line?.length ?? 0)
    this.onmessage?.(message)
    const { data: cancelled } = CancelledNotificationSchema.safeParse(message)
    // The SDK does not cancel a request with the id 0 or '', and answers it.
    if (cancelled?.params.requestId) this.#requests.cancel(cancelled.params.requestId)
  }

  #takeResponse(response: object): void {
    const { id } = response as { id?: unknown }
    const { data: message } = JSONRPCMessageSchema.safeParse(this.#asked.has(id) ? response : null)
    if (!message) {
      this.#log('A response to no request was ignored.')
      return
    }
    this.#asked.delete(id)
    this.#requests.expectsAnswer = this.#asked.size > 0
    this.onmessage?.(message)
  }

  /** Notes a request to the client, or that one was cancelled. */
  #noteQuestion(message: JSONRPCMessage): void {
    const { data: cancelled } = CancelledNotificationSchema.safeParse(message)
    if (cancelled) this.#asked.delete(cancelled.params.requestId)
    else if ('id' in message) this.#asked.add(message.id)
    this.#requests.expectsAnswer = this.#asked.size > 0
  }

  async #refuse(refusal: Refusal): Promise<void> {
    this.#log(refusal.error.message)
    await this.#write(refusal)
  }

  async #write(message: object): Promise<void> {
    if (this.#output.write(`${JSON.stringify(message)}\n`)) return
    // One listener, no matter how many answers wait.
    this.#drained ??= new Promise((resolve) => {
      this.#output.once('drain', () => {
        this.#drained = undefined
        resolve()
      })
    })
    await this.#drained
  }
}

function isBlank(line: Buffer): boolean {
  return line.length < 80 && line.toString('latin1').trim() === ''
}
