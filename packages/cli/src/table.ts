import { printable } from '@ports/core'
import cliTruncate from 'cli-truncate'
import stringWidth from 'string-width'
import type { Screen } from './Screen.js'

type Cell = string | number | undefined

type CellOf<Row> = (row: Row) => Cell

/**
 * A column that a narrow terminal may leave out. If it is shown, its texts may be cut or are kept
 * whole.
 */
interface Spare<Row> {
  readonly spare: 'cut' | 'whole'
  readonly cell: CellOf<Row>
}

/**
 * A column that identifies a row and is not cut: half of its text would identify something else.
 */
interface Whole<Row> {
  readonly whole: true
  readonly cell: CellOf<Row>
}

/** The columns by heading. A function alone is a column that is always shown. */
export type Columns<Row> = Readonly<Record<string, CellOf<Row> | Spare<Row> | Whole<Row>>>

const GAP = '  '

interface Column {
  readonly heading: string
  readonly texts: readonly string[]
  readonly numeric: boolean
  readonly isSpare: boolean
  /** As wide as its widest text. */
  readonly width: number
  /** The width that it may be cut to. */
  readonly least: number
}

/**
 * Aligned columns, numbers to the right; an empty column is left out. On a terminal no line is
 * longer than the terminal is wide, if possible: spare columns are cut and then left out, the last
 * ones first, and the others are cut only if that is not enough. Numbers and whole columns are
 * never cut. Elsewhere nothing is cut or left out.
 */
export function table<Row>(rows: readonly Row[], columns: Columns<Row>, screen: Screen): string {
  const filled = Object.entries(columns)
    .map(([heading, column]) => measured(heading, column, rows))
    .filter((column) => column !== undefined)
  const available = screen.columns ?? Number.POSITIVE_INFINITY
  const shown = fitting(filled, available)
  const widths = fit(shown, available)
  const line = (textOf: (column: Column) => string) =>
    shown
      .map((column, index) => aligned(textOf(column), widths[index] ?? 0, column.numeric))
      .join(GAP)
      .trimEnd()
  return [
    screen.colours.bold(line(({ heading }) => heading)),
    ...rows.map((_, row) => line(({ texts }) => texts[row] ?? '')),
  ].join('\n')
}

/** Undefined for an empty column. */
function measured<Row>(
  heading: string,
  column: Columns<Row>[string],
  rows: readonly Row[],
): Column | undefined {
  const { cell, ...kind } = typeof column === 'function' ? { cell: column } : column
  const cells = rows.map(cell)
  if (cells.every((value) => value === undefined)) return undefined
  const texts = cells.map((value) => printable(String(value ?? '-')))
  const numeric = cells.every((value) => typeof value === 'number')
  const width = longest([heading, ...texts])
  const isUncut = numeric || 'whole' in kind || ('spare' in kind && kind.spare === 'whole')
  const least = isUncut ? width : stringWidth(heading)
  return { heading, texts, numeric, isSpare: 'spare' in kind, width, least }
}

/** The columns without the last spare ones, as many as there is no room for. */
function fitting(columns: readonly Column[], available: number): Column[] {
  const shown = [...columns]
  const needed = ({ isSpare, least, width }: Column) => (isSpare ? least : width)
  while (lineWidth(shown.map(needed)) > available) {
    const last = shown.findLastIndex(({ isSpare }) => isSpare)
    if (last === -1) return shown
    shown.splice(last, 1)
  }
  return shown
}

/** The widths: spare columns are reduced first, from the last on, then the widest of the others. */
function fit(columns: readonly Column[], available: number): number[] {
  const widths = columns.map(({ width }) => width)
  const order = [...columns.keys()].sort((a, b) => {
    const [one, other] = [columns[a]!, columns[b]!]
    if (one.isSpare !== other.isSpare) return one.isSpare ? -1 : 1
    return one.isSpare ? b - a : other.width - one.width
  })
  for (const index of order) {
    const excess = lineWidth(widths) - available
    const { width, least } = columns[index]!
    widths[index] = Math.max(least, Math.min(width, width - excess))
  }
  return widths
}

function lineWidth(widths: readonly number[]): number {
  return widths.reduce((total, width) => total + width, GAP.length * (widths.length - 1))
}

function aligned(text: string, width: number, toTheRight: boolean): string {
  const cut = cliTruncate(text, width)
  const padding = ' '.repeat(Math.max(0, width - stringWidth(cut)))
  return toTheRight ? padding + cut : cut + padding
}

function longest(texts: readonly string[]): number {
  return texts.reduce((width, text) => Math.max(width, stringWidth(text)), 0)
}
