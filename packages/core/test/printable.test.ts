import { describe, expect, it } from 'vitest'
import { printable, printableJson, printableLines } from '../src/printable.js'

const HIDDEN: readonly [what: string, text: string, shown: string][] = [
  ['an escape', '\u001b', '\\u{1b}'],
  ['a line break', '\n', '\\u{a}'],
  ['a delete', '\u007f', '\\u{7f}'],
  ['an escape in one character', '\u009b', '\\u{9b}'],
  ['a soft hyphen', '\u00ad', '\\u{ad}'],
  ['a combining grapheme joiner', '\u034f', '\\u{34f}'],
  ['an Arabic letter mark', '\u061c', '\\u{61c}'],
  ['a Hangul filler', '\u3164', '\\u{3164}'],
  ['a Mongolian vowel separator', '\u180e', '\\u{180e}'],
  ['a blank of no width', '\u200b', '\\u{200b}'],
  ['a joiner', '\u200d', '\\u{200d}'],
  ['a mark of direction', '\u200f', '\\u{200f}'],
  ['a separator of lines', '\u2028', '\\u{2028}'],
  ['an override of direction', '\u202e', '\\u{202e}'],
  ['a word joiner', '\u2060', '\\u{2060}'],
  ['an isolate of direction', '\u2069', '\\u{2069}'],
  ['a byte order mark', '\ufeff', '\\u{feff}'],
  ['an interlinear annotation', '\ufff9', '\\u{fff9}'],
  ['a variation selector after a letter', '\ufe01', '\\u{fe01}'],
  ['a variation selector of the supplement', '\u{e0101}', '\\u{e0101}'],
  ['a tag character', '\u{e0041}', '\\u{e0041}'],
  ['an unpaired surrogate', '\udc00', '\\u{dc00}'],
]

describe('printable text', () => {
  it.each(HIDDEN)('shows %s', (_what, text, shown) => {
    expect(printable(`a${text}b`)).toBe(`a${shown}b`)
  })

  it.each(['Café', 'e\u0301', '日本語', 'שלום', 'سلام', 'हिन्दी', '🚀', '❤\ufe0f', 'a\\b "c"', ''])(
    'leaves %s as it is',
    (text) => expect(printable(text)).toBe(text),
  )

  it('keeps the line breaks of text that has lines', () => {
    expect(printableLines('a\u001b\nb\u2028')).toBe('a\\u{1b}\nb\\u{2028}')
  })

  it('parses to the same text if it is JSON', () => {
    const value = { all: HIDDEN.map(([, text]) => text), text: 'Café 🚀' }
    const json = printableJson(JSON.stringify(value, null, 2))
    expect(JSON.parse(json)).toEqual(value)
    expect(printableLines(json)).toBe(json)
  })
})
