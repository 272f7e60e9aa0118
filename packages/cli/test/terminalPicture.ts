/** In pixels, for a font of 14 pixels. */
const CHARACTER = 8.4
const LINE = 20
const PADDING = 16

const COLORS = { background: '#1e2127', output: '#c8ccd4', command: '#98c379' } as const

/** A line of a session: a command that was typed, or a line that it printed. */
export interface SessionLine {
  readonly text: string
  readonly isCommand: boolean
}

/**
 * An SVG of a terminal. The length of each line is set, because readers have different monospace
 * fonts.
 */
export function terminalPicture(lines: readonly SessionLine[]): string {
  const columns = Math.max(...lines.map(({ text }) => text.length))
  const width = Math.ceil(columns * CHARACTER + 2 * PADDING)
  const height = lines.length * LINE + 2 * PADDING
  const rows = lines.flatMap(({ text, isCommand }, nth) => {
    if (text === '') return []
    const y = PADDING + nth * LINE + 15
    const length = (text.length * CHARACTER).toFixed(1)
    const color = isCommand ? COLORS.command : COLORS.output
    return `  <text x="${PADDING}" y="${y}" textLength="${length}" fill="${color}">${escaped(text)}</text>`
  })
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" xml:space="preserve">`,
    `  <rect width="${width}" height="${height}" rx="8" fill="${COLORS.background}"/>`,
    ...rows,
    '</svg>',
  ].join('\n')}\n`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
