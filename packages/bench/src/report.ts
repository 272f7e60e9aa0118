import type { Comparison } from './comparison.js'
import type { Result, Table } from './Section.js'

const HEAD = (machine: string) => `# Performance

Written by \`pnpm bench\`, which measures everything on this page in one run. ${machine}

Absolute figures differ between machines, and on a shared machine from minute to minute. So each figure is a ratio to a baseline that is measured on the same server in the same run. The two sides take turns in pairs, and each goes first in every other pair. *Ratio* is the median of the pairs' ratios. Above 1 the registry is faster. If the target is an upper bound (≤), the baseline does less than the registry, and the ratio says how many times as much the registry takes. *Middle half* and *all* are the ratios of half of the pairs and of all of them.
`

/** Renders docs/performance.md. */
export function documentOf(results: readonly (Result & { title: string })[], machine: string) {
  const sections = results.map((result) => {
    const plots = (result.plots ?? []).map(({ name, alt }) => `![${alt}](${name}.svg)`)
    return [`## ${result.title}`, result.intro.trim(), tablesOf(result), ...plots].join('\n\n')
  })
  return `${[HEAD(machine), ...sections].join('\n\n')}\n`.replaceAll(/\n{3,}/g, '\n\n')
}

/** Renders the comparisons of a section, then its other tables. */
export function tablesOf({ rows = [], tables = [] }: Result) {
  return [
    ...(rows.length > 0 ? [comparisons(rows), ...shortfallsOf(rows)] : []),
    ...tables.flatMap((table) => [table.caption, markdownTable(table)]),
  ].join('\n\n')
}

function comparisons(rows: readonly Comparison[]) {
  return markdownTable({
    columns: ['', 'ours', 'baseline', 'ratio', 'middle half', 'all', 'target', ''],
    rows: rows.map((row) => [
      row.name,
      `${number(row.ours)} ${row.unit}`,
      `${number(row.baseline)} ${row.unit}`,
      `**${row.ratio.toFixed(2)}**`,
      between(row.quartiles),
      between(row.range),
      row.target === undefined ? '' : `${row.kind === 'cost' ? '≤' : '≥'} ${row.target}`,
      verdictOn(row),
    ]),
  })
}

function verdictOn(row: Comparison) {
  if (row.target === undefined) return ''
  if (!isMissed(row)) return 'met'
  return row.ratio < (row.minimum ?? 0) ? `below ${row.minimum}` : 'missed'
}

function isMissed({ kind, ratio, target }: Comparison) {
  if (target === undefined) return false
  return kind === 'cost' ? ratio > target : ratio < target
}

/** Renders one paragraph for each reason. */
function shortfallsOf(rows: readonly Comparison[]) {
  const namesFor = new Map<string, string[]>()
  for (const row of rows) {
    if (!isMissed(row) || row.shortfall === undefined) continue
    const reason = `${row.kind === 'cost' ? 'Above' : 'Below'} target: NAMES. ${row.shortfall}`
    namesFor.set(reason, [...(namesFor.get(reason) ?? []), `*${row.name}*`])
  }
  return [...namesFor].map(([reason, names]) => reason.replace('NAMES', names.join('; ')))
}

function markdownTable({ columns, rows }: Omit<Table, 'caption'>) {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  const rule = `|---|${'---:|'.repeat(columns.length - 1)}`
  return [line(columns), rule, ...rows.map(line)].join('\n')
}

function between([low, high]: readonly [number, number]) {
  return `${low.toFixed(2)}–${high.toFixed(2)}`
}

/** Three digits: more would be noise. */
export function number(value: number) {
  const rounded = Number(value.toPrecision(3))
  return new Intl.NumberFormat('en', { maximumFractionDigits: 4 }).format(rounded)
}

export function milliseconds(value: number) {
  return `${number(value)} ms`
}

export function clientsOf(count: number) {
  return count === 1 ? '1 client' : `${count} clients`
}
