const LINE_FEED = 0x0a

/**
 * The lines of a stream, without their line breaks; the last one may lack its own. A line of more
 * than `maxBytes` is `undefined`: it is read to its end but not kept.
 */
export async function* boundedLines(
  input: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<Buffer | undefined> {
  const line = new Line(maxBytes)
  for await (const chunk of input) {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start)
      if (end === -1) break
      line.append(chunk.subarray(start, end))
      yield line.take()
      start = end + 1
    }
    line.append(chunk.subarray(start))
  }
  if (line.hasBegun) yield line.take()
}

class Line {
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get hasBegun(): boolean {
    return this.#bytes > 0
  }

  append(part: Buffer): void {
    this.#bytes += part.length
    if (this.#bytes <= this.#maxBytes) this.#parts.push(part)
    else this.#parts = []
  }

  take(): Buffer | undefined {
    const whole = this.#bytes <= this.#maxBytes ? Buffer.concat(this.#parts) : undefined
    this.#parts = []
    this.#bytes = 0
    return whole
  }
}
