import { median, quantile } from 'simple-statistics'
import { milliseconds, number } from '../report.js'
import { checkAnswers, compareAnswers } from './checkAnswers.js'
import type { Answer } from './Peer.js'

/** The answers of a peer in all rounds of one measurement. */
export class Tally {
  /** Services that got another number than before. */
  changed = 0
  #answers: Answer[] = []
  #rates: number[] = []

  add(answers: readonly Answer[], duration: number, before: readonly Answer[] = []) {
    this.#answers.push(...answers)
    const { given } = checkAnswers(answers)
    this.#rates.push((given.length / duration) * 1000)
    this.changed += compareAnswers(before, given).changed
  }

  /** Rate, middle half, p50, p99, failures, duplicates. */
  cells(crashes: number) {
    const { given, failures, reasons, duplicates } = checkAnswers(this.#answers)
    const latencies = given.map(({ ms }) => ms)
    const quartile = (part: number) => number(quantile(this.#rates, part))
    const latency = (part: number) =>
      given.length > 0 ? milliseconds(quantile(latencies, part)) : '–'
    const notes = [
      ...[...new Set(reasons.map(shortened))].slice(0, 2),
      ...(crashes > 0 ? [`it crashed ${crashes} times`] : []),
    ].join('; ')
    return [
      `${number(median(this.#rates))}/s`,
      `${quartile(0.25)}–${quartile(0.75)}`,
      latency(0.5),
      latency(0.99),
      `${failures} of ${this.#answers.length}${notes ? ` (${notes})` : ''}`,
      duplicates,
    ]
  }
}

/** Without paths, and short enough for a cell. */
function shortened(reason: string) {
  return reason
    .replace(/,? \S* ?'.*/s, '')
    .slice(0, 80)
    .replaceAll('|', '/')
}
