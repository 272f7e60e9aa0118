import { printable } from '@ports/core'
import cliTruncate from 'cli-truncate'
import stringWidth from 'string-width'
import type { Screen } from './Screen.js'

type Cell = string | number | undefined

/** By heading, what a column has of a row. */
export type Columns<Row> = Readonly<Record<string, (row: Row) => Cell>>

const GAP = '  '

/**
 * Aligned columns, numbers to the right; a column that nobody fills is left out. On a terminal no
 * line is longer than the terminal is wide: columns are cut, the last ones first, since those that
 * say what a row is about come first. Elsewhere nothing is cut.
 */
export function table<Row>(rows: readonly Row[], columns: Columns<Row>, screen: Screen): string {
  const shown = Object.entries(columns)
    .map(([heading, cellOf]) => ({ heading, cells: rows.map(cellOf) }))
    .filter(({ cells }) => cells.some((cell) => cell !== undefined))
    .map(({ heading, cells }) => ({
      heading,
      texts: cells.map((cell) => printable(String(cell ?? '-'))),
      numeric: cells.every((cell) => typeof cell === 'number'),
    }))
  const widths = fit(
    shown.map(({ heading, texts, numeric }) => ({
      width: longest([heading, ...texts]),
      heading: stringWidth(heading),
      numeric,
    })),
    screen.columns,
  )
  const line = (textOf: (column: (typeof shown)[number]) => string) =>
    shown
      .map((column, index) => aligned(textOf(column), widths[index] ?? 0, column.numeric))
      .join(GAP)
      .trimEnd()
  return [
    screen.colours.bold(line(({ heading }) => heading)),
    ...rows.map((_, row) => line(({ texts }) => texts[row] ?? '')),
  ].join('\n')
}

interface Width {
  readonly width: number
  readonly heading: number
  /** Not cut at all, for half a number would be another one. */
  readonly numeric: boolean
}

/**
 * The widths, reduced from the last column on until the line fits, if it can: first down to the
 * headings, then further.
 */
function fit(columns: readonly Width[], available = Number.POSITIVE_INFINITY): number[] {
  const gaps = GAP.length * (columns.length - 1)
  const widths = columns.map(({ width }) => width)
  let excess = widths.reduce((total, width) => total + width, gaps) - available
  for (const leastOf of [({ heading }: Width) => heading, () => 1]) {
    for (const [index, column] of [...columns.entries()].reverse()) {
      const width = widths[index] ?? 0
      const cut = column.numeric ? 0 : Math.max(0, Math.min(excess, width - leastOf(column)))
      widths[index] = width - cut
      excess -= cut
    }
  }
  return widths
}

function aligned(text: string, width: number, toTheRight: boolean): string {
  const cut = cliTruncate(text, width)
  const padding = ' '.repeat(Math.max(0, width - stringWidth(cut)))
  return toTheRight ? padding + cut : cut + padding
}

function longest(texts: readonly string[]): number {
  return texts.reduce((width, text) => Math.max(width, stringWidth(text)), 0)
}
