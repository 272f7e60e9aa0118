import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

/** In bytes. A container takes a few thousand. */
const MAX_ANSWER = 10_000_000

export interface ApiAnswer {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/**
 * Asks the HTTP server on a Unix socket.
 * @throws what is wrong with the connection or the answer; the signal's reason
 */
export async function askApi(
  socketPath: string,
  path: string,
  signal: AbortSignal,
): Promise<ApiAnswer> {
  try {
    const answer = await get(socketPath, path, signal)
    if (answer.statusCode !== 200) {
      answer.destroy()
      throw new Error(`it answered ${path} with status ${answer.statusCode}`)
    }
    return { headers: answer.headers, body: await bodyOf(answer) }
  } catch (error) {
    // Node throws an error of its own in place of the reason.
    signal.throwIfAborted()
    throw error
  }
}

async function get(
  socketPath: string,
  path: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  // Takes milliseconds to load, and most machines have no such socket.
  const { request } = await import('node:http')
  return new Promise((resolve, reject) => {
    request({ socketPath, path, signal, agent: false, headers: { host: 'localhost' } }, resolve)
      .on('error', reject)
      .end()
  })
}

async function bodyOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer) {
    size += chunk.length
    if (size > MAX_ANSWER) throw new Error(`its answer has more than ${MAX_ANSWER} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
