import { invalidArgument } from './errors.js'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

const LONGEST_NAME = 63

/**
 * Returns the name of a project or a service unchanged.
 * @throws {PortsError} `INVALID_ARGUMENT`, with the name to use instead in `details.suggestion`
 */
export function validName(field: string, value: unknown): string {
  if (typeof value === 'string' && NAME.test(value)) return value
  throw invalidArgument(
    field,
    value,
    'a letter or digit followed by at most 62 letters, digits, dots, hyphens or underscores',
    typeof value === 'string' ? nearestName(value) : undefined,
  )
}

/**
 * A valid name for a text that is not one, such as `acme-web` for `@acme/web`. Every caller gets
 * the same name, so that a package, a branch or a directory is one service to all of them.
 * Undefined if no letter or digit is left.
 */
export function nearestName(text: string): string | undefined {
  const name = text
    // Separates accents from their letters (Unicode Standard Annex 15), and drops them.
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^A-Za-z0-9._]+/g, '-')
    .replace(/^[._-]+/, '')
    .slice(0, LONGEST_NAME)
    .replace(/-$/, '')
  return name === '' ? undefined : name
}
