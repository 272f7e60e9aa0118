type Variables = Readonly<Record<string, string | undefined>>

/** A text with its variables replaced, or the reason why they cannot be. */
type Interpolated = { readonly text: string } | { readonly reason: string }

/** How many defaults may be within each other. */
const MAX_DEPTH = 100

class Unknown extends Error {}

/**
 * Replaces variables as Compose does: `$X`, `${X}`, `${X:-default}`, `${X:?message}`, `${X:+other}`,
 * the last three also without the colon, and `$$` for a dollar sign. Defaults may have variables.
 */
export function interpolate(text: string, variables: Variables): Interpolated {
  try {
    return { text: replaced(text, variables, 0) }
  } catch (error) {
    if (error instanceof Unknown) return { reason: error.message }
    throw error
  }
}

function replaced(text: string, variables: Variables, depth: number): string {
  let result = ''
  for (let at = 0; at < text.length; ) {
    if (text[at] !== '$') {
      result += text[at++]
      continue
    }
    const name = /^\$(\w+)/.exec(text.slice(at))?.[1]
    if (text[at + 1] === '$') {
      result += '$'
      at += 2
    } else if (text[at + 1] === '{') {
      const end = endOfBraces(text, at + 1)
      result += variableIn(text.slice(at + 2, end), variables, depth)
      at = end + 1
    } else if (name !== undefined) {
      result += variableIn(name, variables, depth)
      at += name.length + 1
    } else {
      throw new Unknown(`${text} has a $ that names no variable`)
    }
  }
  return result
}

function endOfBraces(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    if (text[at] === '{') depth++
    if (text[at] === '}' && --depth === 0) return at
  }
  throw new Unknown(`${text} has an unclosed brace`)
}

/** @param expression what stands between the braces */
function variableIn(expression: string, variables: Variables, depth: number): string {
  const parts = /^(?<name>[A-Za-z_]\w*)(?:(?<operator>:?[-?+])(?<word>.*))?$/s.exec(expression)
  if (!parts) throw new Unknown(`\${${expression}} names no variable`)
  const { name = '', operator = '', word = '' } = parts.groups!
  if (depth > MAX_DEPTH) throw new Unknown(`${name} has defaults that are nested too deeply`)
  const value = variables[name]
  // With a colon, an empty value counts as not set.
  const isGiven = value !== undefined && !(operator.startsWith(':') && value === '')
  if (operator.endsWith('+')) return isGiven ? replaced(word, variables, depth + 1) : ''
  if (isGiven) return value
  if (operator.endsWith('-')) return replaced(word, variables, depth + 1)
  const message = word === '' ? '' : ` (${word})`
  throw new Unknown(`${name} is not set${message}`)
}
