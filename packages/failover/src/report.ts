import { describeMachine } from '@ports/testkit'
import type { check } from '@ports/torture'
import { acknowledgedWrites, longestSilence, longestSilenceOfOne } from './availability.js'
import { versions } from './debianPackages.js'
import type { Fault } from './faults.js'
import type { Answer } from './interfaces.js'

const MOST_SECONDS = 30

/** A fault, and the results until the cluster had worked for a while afterwards. */
export interface Round {
  readonly fault: Fault
  readonly moved: string
  /** µs */
  readonly from: number
  readonly until: number
  readonly during: readonly Answer[]
  readonly after: readonly Answer[]
  /** The port that every interface must return. */
  readonly held: number
}

export interface Crash {
  readonly name: string
  readonly code: number | null
  readonly signal: string | null
  readonly complaint: string
}

interface Outcome {
  readonly rounds: readonly Round[]
  readonly verdict: ReturnType<typeof check>
  readonly crashes: readonly Crash[]
  /** The directory of the histories. */
  readonly histories: string
  readonly pgbouncer: boolean
  readonly setting: string
}

/** Prints the report. Returns true if anything is wrong. */
export function report({ rounds, verdict, crashes, histories, pgbouncer, setting }: Outcome) {
  const writes = acknowledgedWrites(histories)
  const wrong: [string, number][] = Object.entries(verdict.found)
  wrong.push(['client that crashed', crashes.length])
  let tooLong = false
  let isDown = false

  console.log(
    `${describeMachine()}, Node ${process.version}, ${versions(pgbouncer).join(', ')} ${setting}`,
  )
  console.log(
    '\n| fault | primary | no write acknowledged for | longest for one client | writes acknowledged since the previous fault | writes acknowledged until the next fault |',
  )
  console.log('|---|---|---:|---:|---:|---:|')
  let before = 0
  for (const { fault, moved, from, until } of rounds) {
    const silence = longestSilence(writes, from, until)
    const ofOne = longestSilenceOfOne(writes, from, until)
    if (ofOne > MOST_SECONDS) tooLong = true
    const count = (start: number, end: number) =>
      writes.filter(({ at }) => at >= start && at < end).length
    console.log(
      `| ${fault.title} | ${moved} | ${silence.toFixed(1)} s | ${ofOne.toFixed(1)} s | ` +
        `${count(before, from)} | ${count(from, until)} |`,
    )
    before = from
  }

  const names = rounds[0]?.after.map(({ name }) => name) ?? []
  console.log(
    '\nCalls through each interface: one when the fault happened, and one when there was a primary again',
  )
  console.log(`\n| fault | ${names.map((name) => `${name} | again`).join(' | ')} |`)
  console.log(`|---${'|---'.repeat(2 * names.length)}|`)
  for (const { fault, during, after, held } of rounds) {
    const cells = after.map((answer, index) => `${told(during[index]!)} | ${told(answer)}`)
    console.log(`| ${fault.title} | ${cells.join(' | ')} |`)
    if (after.some(({ port }) => port !== held)) isDown = true
  }

  table('acknowledged', Object.entries(verdict.acknowledged))
  table('returned errors', Object.entries(verdict.errors))
  table('violations', wrong)
  console.log(`\nSlowest call: ${(verdict.slowest / 1e6).toFixed(1)} s.`)
  const examples = [...verdict.examples, ...crashes.map((details) => ({ kind: 'crash', details }))]
  for (const { kind, details } of examples) console.log(`\n${kind}: ${JSON.stringify(details)}`)
  const isLost = wrong.some(([, count]) => count > 0)
  console.log(
    `\n${isLost ? 'Something was lost or given twice, see above.' : 'Nothing was lost or given twice.'} ` +
      `${tooLong ? `Unavailable for more than ${MOST_SECONDS} s.` : `Never unavailable for more than ${MOST_SECONDS} s.`} ` +
      `${isDown ? 'An interface did not recover by itself.' : 'Every interface recovered by itself.'}`,
  )
  return isLost || tooLong || isDown
}

function told({ port, error, seconds }: Answer) {
  return `${port ?? error}, ${seconds.toFixed(1)} s`
}

function table(title: string, rows: [string, number][]) {
  console.log(`\n| ${title} | |\n|---|---:|`)
  for (const [name, count] of rows) console.log(`| ${name} | ${count} |`)
}
