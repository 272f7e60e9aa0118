import { excerpt, invalidArgument } from '@ports/core'
import type { SourceFile } from './Findings.js'

/** A word of a Caddyfile. */
export interface Token {
  readonly text: string
  readonly line: number
  /** Which line of words it is in. A line that ends with a backslash continues on the next. */
  readonly row: number
  /** Whether it is in quotes of some kind. A quoted brace opens no block. */
  readonly isQuoted: boolean
}

/** A line of words, and the block that it opens. */
export interface Directive {
  readonly line: number
  readonly words: readonly Token[]
  readonly block?: readonly Directive[]
}

/** The longest excerpt of a heredoc's name, in characters. */
const MAX_SHOWN = 80
/** More than anybody writes, and less than the stack holds. */
const MAX_DEPTH = 100

/**
 * The directives of a Caddyfile. Its words are separated by blanks; quotes, backticks and heredocs
 * keep blanks, a # at the beginning of a word begins a comment, and a brace alone at the end of a
 * line opens a block (https://caddyserver.com/docs/caddyfile/concepts).
 * @throws {PortsError} `INVALID_ARGUMENT` if a heredoc does not end, or blocks are nested too deeply
 */
export function readDirectives({ content, source }: SourceFile): Directive[] {
  return blockOf({ tokens: tokensOf(content, source), at: 0, source }, 0)
}

interface Cursor {
  readonly tokens: readonly Token[]
  at: number
  readonly source: string
}

/** @param depth how many blocks are around it */
function blockOf(cursor: Cursor, depth: number): Directive[] {
  const { tokens, source } = cursor
  if (depth > MAX_DEPTH) {
    const expected = `a Caddyfile whose blocks are nested at most ${MAX_DEPTH} deep`
    throw invalidArgument('file', source, expected)
  }
  const isTop = depth === 0
  const directives: Directive[] = []
  while (cursor.at < tokens.length) {
    if (isBrace(tokens[cursor.at], '}')) {
      cursor.at++
      if (!isTop) break
      continue
    }
    const words = [tokens[cursor.at++]!]
    while (cursor.at < tokens.length && continues(words.at(-1)!, tokens[cursor.at]!, isTop)) {
      words.push(tokens[cursor.at++]!)
    }
    const { line } = words[0]!
    const opens = isBrace(words.at(-1), '{')
    if (opens) words.pop()
    directives.push({ line, words, ...(opens && { block: blockOf(cursor, depth + 1) }) })
  }
  return directives
}

/** Site addresses may continue on the next line after a comma. */
function continues(last: Token, next: Token, isTop: boolean): boolean {
  if (isBrace(last, '{')) return false
  return next.row === last.row || (isTop && !last.isQuoted && last.text.endsWith(','))
}

function isBrace(token: Token | undefined, brace: '{' | '}'): boolean {
  return token !== undefined && !token.isQuoted && token.text === brace
}

const BLANKS = /^(?:[^\S\n]|\\\n)+/
const COMMENT = /^#.*/
const HEREDOC_START = /^<<[\w-]+(?=\n)/
const HEREDOC = /^<<(?<marker>[\w-]+)\n[\s\S]*?\n[^\S\n]*\k<marker>(?=\s|$)/
const QUOTED = /^"(?<text>(?:[^"\\]|\\.)*)"|^`(?<raw>[^`]*)`/s
const BARE = /^\S+/

function tokensOf(content: string, source: string): Token[] {
  const tokens: Token[] = []
  let rest = content.replaceAll('\r\n', '\n')
  let line = 1
  let row = 1
  while (rest !== '') {
    const skipped = BLANKS.exec(rest) ?? COMMENT.exec(rest)
    const isEnd = rest.startsWith('\n')
    const quoted = skipped || isEnd ? null : (HEREDOC.exec(rest) ?? QUOTED.exec(rest))
    const heredoc = quoted ? undefined : HEREDOC_START.exec(rest)?.[0]
    if (heredoc !== undefined) {
      const expected = `a Caddyfile in which ${excerpt(heredoc, MAX_SHOWN)} of line ${line} ends`
      throw invalidArgument('file', source, expected)
    }
    const [text] = skipped ?? quoted ?? (isEnd ? ['\n'] : BARE.exec(rest)!)
    if (isEnd) row++
    else if (!skipped) {
      const { text: inner, raw } = quoted?.groups ?? {}
      const value = raw ?? inner?.replaceAll('\\"', '"') ?? text
      tokens.push({ text: value, line, row, isQuoted: quoted !== null })
    }
    line += text.split('\n').length - 1
    rest = rest.slice(text.length)
  }
  return tokens
}
