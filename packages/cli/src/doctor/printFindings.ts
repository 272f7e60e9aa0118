import { counted, printable } from '@ports/core'
import type { Screen } from '../Screen.js'
import type { Finding, FindingState } from './Check.js'

/** A line for each finding, with its fix below it, and a line with the totals. */
export function printFindings(findings: readonly Finding[], { colours }: Screen): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const marks = marksOf(colours)
  const indent = ' '.repeat(Math.max(...Object.values(WORDS).map((word) => word.length)) + 2)
  const lines = findings.flatMap(({ check, state, message, fix }) => [
    `${marks[state]}  ${check.padEnd(width)}  ${inOneLine(message)}`,
    ...(fix === undefined
      ? []
      : [`${colours.isColorSupported ? '   ' : indent}${colours.bold('fix:')} ${inOneLine(fix)}`]),
  ])
  return [...lines, '', summaryOf(findings)].join('\n')
}

const WORDS: Readonly<Record<FindingState, string>> = {
  ok: 'ok',
  warning: 'warning',
  problem: 'problem',
  unknown: 'unknown',
}

function marksOf(colours: Screen['colours']): Readonly<Record<FindingState, string>> {
  if (!colours.isColorSupported) {
    const padded = Object.entries(WORDS).map(([state, word]) => [state, word.padEnd(7)])
    return Object.fromEntries(padded)
  }
  return {
    ok: colours.green('✔'),
    warning: colours.yellow('!'),
    problem: colours.red('✖'),
    unknown: colours.cyan('?'),
  }
}

function inOneLine(text: string): string {
  return printable(text.replaceAll(/\s*\n\s*/g, ' '))
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (state: FindingState) => findings.filter((each) => each.state === state).length
  const counts = [
    counted(count('problem'), 'problem'),
    counted(count('warning'), 'warning'),
    ...(count('unknown') > 0 ? [`${count('unknown')} unknown`] : []),
  ]
  return `${counts.join(', ')}, ${count('ok')} ok`
}
