const HEAD = (machine) => `# Performance

Written by \`pnpm bench\`, which measures everything on this page in one run. ${machine}

Absolute figures differ between machines, and on a shared machine from minute to minute. So each figure is a ratio to a baseline that is measured on the same server in the same run. The two sides take turns in pairs, and each goes first in every other pair. *Ratio* is the median of the pairs' ratios. Above 1 the registry is faster. If the target is an upper bound (≤), the ratio says how many times as much the registry takes as something that does less. *Middle half* and *all* are the ratios of half of the pairs and of all of them.
`

/** The whole of docs/performance.md. */
export function documentOf(results, machine) {
  const sections = results.map((result) => {
    const plots = (result.plots ?? []).map(({ name, alt }) => `![${alt}](${name}.svg)`)
    return [`## ${result.title}`, result.intro?.trim(), tablesOf(result), ...plots]
      .filter(Boolean)
      .join('\n\n')
  })
  return `${[HEAD(machine), ...sections].join('\n')}\n`.replaceAll(/\n{3,}/g, '\n\n')
}

/** A section's comparisons, then its other tables. */
export function tablesOf({ rows, tables = [] }) {
  const parts = rows.length > 0 ? [comparisons(rows), ...shortfallsOf(rows)] : []
  for (const { caption, columns, rows: cells } of tables) {
    if (caption) parts.push(caption)
    parts.push(markdownTable(columns, cells))
  }
  return parts.join('\n\n')
}

function comparisons(rows) {
  const columns = ['', 'ours', 'baseline', 'ratio', 'middle half', 'all', 'target', '']
  return markdownTable(
    columns,
    rows.map((row) => [
      row.name,
      `${number(row.ours)} ${row.unit}`,
      `${number(row.baseline)} ${row.unit}`,
      `**${row.ratio.toFixed(2)}**`,
      between(row.spread.quartiles),
      between(row.spread.range),
      row.target === undefined ? '' : `${row.kind === 'cost' ? '≤' : '≥'} ${row.target}`,
      verdictOn(row),
    ]),
  )
}

function verdictOn({ kind, ratio, never, met }) {
  if (met === undefined) return ''
  if (met) return 'met'
  if (never === undefined) return 'short'
  if (kind === 'cost') return ratio > never ? `above even ${never}` : 'short'
  return ratio < never ? `below even ${never}` : 'short'
}

/** One paragraph for each reason. */
function shortfallsOf(rows) {
  const namesFor = new Map()
  for (const { name, met, shortfall } of rows) {
    if (met === false && shortfall) {
      namesFor.set(shortfall, [...(namesFor.get(shortfall) ?? []), `*${name}*`])
    }
  }
  return [...namesFor].map(([reason, names]) => `Short are ${names.join('; ')}: ${reason}`)
}

/** @param {string[]} columns @param {(string | number)[][]} rows */
function markdownTable(columns, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  const rule = `|---|${'---:|'.repeat(columns.length - 1)}`
  return [line(columns), rule, ...rows.map(line)].join('\n')
}

function between([low, high]) {
  return `${low.toFixed(2)}–${high.toFixed(2)}`
}

/** Three digits: more would be noise. */
export function number(value) {
  const rounded = Number(value.toPrecision(3))
  return new Intl.NumberFormat('en', { maximumFractionDigits: 4 }).format(rounded)
}
