import { printableJson, printableLines } from '@ports/core'
import type { Failure } from './failure.js'
import type { Screen } from './Screen.js'

/**
 * stdout has the result and nothing else; stderr has everything else. Neither carries a hidden
 * character of stored or typed text, on a terminal or through a pipe. In JSON such characters are
 * escaped, which parses to the same text.
 */
export class Output {
  constructor(
    readonly stdout: Screen,
    readonly stderr: Screen,
    readonly json: boolean,
  ) {}

  /** Writes the result, alone on stdout. */
  result(value: unknown, text: () => string): void {
    this.stdout.write(`${this.json ? printableJson(JSON.stringify(value, null, 2)) : text()}\n`)
  }

  /** Writes one of many results of a command that still runs. In JSON it takes one line. */
  event(value: unknown, text: () => string): void {
    this.stdout.write(
      `${this.json ? printableJson(JSON.stringify(value)) : printableLines(text())}\n`,
    )
  }

  /** For a command that does something and has nothing to print: a message, or JSON on stdout. */
  outcome(value: unknown, message: string): void {
    if (this.json) this.result(value, () => message)
    else this.notice(message)
  }

  notice(message: string): void {
    this.stderr.write(`${printableLines(message)}\n`)
  }

  failure({ code, message, details }: Failure): void {
    const text = this.json
      ? printableJson(JSON.stringify({ error: { code, message, details } }))
      : `${this.stderr.colours.red('error:')} ${printableLines(message)}`
    this.stderr.write(`${text}\n`)
  }
}
