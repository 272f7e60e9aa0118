export type Format = 'shell' | 'dotenv' | 'json'

/** Environment variables in the syntax of a shell, of a `.env` file, or as JSON. */
export function printVariables(variables: Readonly<Record<string, string>>, format: Format) {
  if (format === 'json') return JSON.stringify(variables, null, 2)
  const line = format === 'shell' ? shellLine : dotenvLine
  return Object.entries(variables)
    .map(([name, value]) => line(name, value))
    .join('\n')
}

const PLAIN = /^[\w./:,@-]*$/

function shellLine(name: string, value: string): string {
  const quoted = PLAIN.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
  return `export ${name}=${quoted}`
}

/** In these files a quote cannot be escaped within quotes of the same kind. */
function dotenvLine(name: string, value: string): string {
  if (PLAIN.test(value)) return `${name}=${value}`
  return value.includes("'") ? `${name}="${value}"` : `${name}='${value}'`
}
