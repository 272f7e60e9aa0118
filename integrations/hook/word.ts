import { forEachChild, type SyntaxNode, type Word, type WordPart } from 'unbash'

/**
 * The text of the word, with the values of these variables. Undefined if only the shell can expand
 * it.
 */
export function expansionOf(word: Word, values: ReadonlyMap<string, string>): string | undefined {
  return isExpanded(word) ? textOfAll(word.parts ?? [], values) : word.value
}

/** The same as a shell splits it: at spaces, unless it is quoted. */
export function wordsOf(
  word: Word,
  values: ReadonlyMap<string, string>,
): readonly (string | undefined)[] {
  const value = expansionOf(word, values)
  const isSplit = word.parts?.some((part) => nameIn(part) !== undefined)
  return isSplit && value !== undefined ? value.split(/\s+/).filter(Boolean) : [value]
}

/** The names of the variables that the node uses. */
export function variablesIn(node: SyntaxNode): string[] {
  const own = node.type === 'ParameterExpansion' ? node.parameter : nameIn(node)
  const names = own === undefined ? [] : [own]
  forEachChild(node, (child) => {
    names.push(...variablesIn(child))
  })
  return names
}

function isExpanded(node: SyntaxNode): boolean {
  if (/Expansion$|Substitution$/.test(node.type)) return true
  let isSome = false
  forEachChild(node, (child) => {
    isSome ||= isExpanded(child)
  })
  return isSome
}

function textOfAll(
  parts: readonly WordPart[],
  values: ReadonlyMap<string, string>,
): string | undefined {
  const texts = parts.map((part) => textOf(part, values))
  return texts.includes(undefined) ? undefined : texts.join('')
}

function textOf(part: WordPart, values: ReadonlyMap<string, string>): string | undefined {
  if (part.type === 'DoubleQuoted') return textOfAll(part.parts, values)
  const name = nameIn(part)
  if (name !== undefined) return values.get(name)
  if (isExpanded(part)) return undefined
  return 'value' in part ? part.value : part.text
}

/** Undefined for an operation on a variable, such as `${PORT:-3000}`. */
function nameIn(node: SyntaxNode): string | undefined {
  if (node.type === 'SimpleExpansion') return node.text.slice(1)
  if (node.type !== 'ParameterExpansion') return undefined
  const { parameter, prefix, index, operation } = node
  return prefix || index || operation ? undefined : parameter
}
