import { commandLine } from '../commandLine.js'

export type Format = 'shell' | 'dotenv' | 'json'

/** Environment variables as a shell, a `.env` file or a program reads them. */
export function printVariables(variables: Readonly<Record<string, string>>, format: Format) {
  if (format === 'json') return JSON.stringify(variables, null, 2)
  const line = format === 'shell' ? shellLine : dotenvLine
  return Object.entries(variables)
    .map(([name, value]) => line(name, value))
    .join('\n')
}

function shellLine(name: string, value: string): string {
  return `export ${name}=${value && commandLine(value)}`
}

const PLAIN = /^[\w./:,@-]*$/

/** These files have no escape for a quote within the same quotes. */
function dotenvLine(name: string, value: string): string {
  if (PLAIN.test(value)) return `${name}=${value}`
  return value.includes("'") ? `${name}="${value}"` : `${name}='${value}'`
}
