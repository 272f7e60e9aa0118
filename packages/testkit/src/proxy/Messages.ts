/**
 * Splits one direction of a connection into messages of PostgreSQL's protocol 3.0:
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export class Messages {
  #rest = Buffer.alloc(0) as Buffer
  /** A client's first message has no type. */
  #isFirst: boolean

  constructor(fromClient: boolean) {
    this.#isFirst = fromClient
  }

  *read(bytes: Buffer): Generator<{ type: string; body: Buffer; raw: Buffer }> {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    for (;;) {
      const head = this.#isFirst ? 0 : 1
      if (this.#rest.length < head + 4) return
      const length = head + this.#rest.readInt32BE(head)
      if (this.#rest.length < length) return
      const raw = this.#rest.subarray(0, length)
      this.#rest = this.#rest.subarray(length)
      const type = this.#isFirst ? 'startup' : String.fromCharCode(raw[0] ?? 0)
      this.#isFirst = false
      yield { type, body: raw.subarray(head + 4), raw }
    }
  }
}

/** Returns the first two zero-terminated strings of a message. */
export function textsIn(body: Buffer) {
  const first = body.indexOf(0)
  const second = body.indexOf(0, first + 1)
  return [body.toString('utf8', 0, first), body.toString('utf8', first + 1, second)]
}
