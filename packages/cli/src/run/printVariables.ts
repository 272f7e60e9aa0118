import { invalidArgument } from '@ports/core'
import { commandLine } from '../commandLine.js'

export type Format = 'shell' | 'dotenv' | 'json'

/** Environment variables in the syntax of a shell, of a `.env` file, or as JSON. */
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

/**
 * These files have no escape for a quote within the same quotes. Within double quotes, programs and
 * shells replace what follows a dollar sign, a backslash or a backtick.
 */
function dotenvLine(name: string, value: string): string {
  if (PLAIN.test(value)) return `${name}=${value}`
  if (!value.includes("'")) return `${name}='${value}'`
  if (!/["$`\\]/.test(value)) return `${name}="${value}"`
  throw invalidArgument(
    name,
    value,
    'text that a .env file can hold: with a single quote there can be none of " $ ` \\\\',
  )
}
