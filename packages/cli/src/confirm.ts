import { createInterface } from 'node:readline/promises'

/** Asks on the terminal. Anything but y or yes is no, and so is the end of the input. */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  // The terminal edits the line itself, so that its Ctrl-C interrupts the process.
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false })
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
  try {
    const answer = await Promise.race([lines.question(question, { signal }), ended])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}
