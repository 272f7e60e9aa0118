/**
 * Characters that a reader does not see or that change how the text around them looks: control
 * characters, format characters (direction controls, joiners, tags), line and paragraph separators,
 * unpaired surrogates, and the code points that a display may leave out
 * (Default_Ignorable_Code_Point). A variation selector right after an emoji only chooses its style
 * and stays.
 */
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?<!\p{Extended_Pictographic})[\ufe0e\ufe0f]|(?![\ufe0e\ufe0f])\p{Default_Ignorable_Code_Point}/gu

/**
 * The text on one line, with every hidden character shown as `\u{…}`, so that stored text can
 * neither control a terminal nor tell a model something that a person cannot see.
 */
export function printable(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
}

/** The same for text with intended line breaks. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

/** The JSON with hidden characters escaped as `\uXXXX`. It parses to the same value. */
export function printableJson(json: string): string {
  return json.replace(HIDDEN, (character) => (character === '\n' ? character : escaped(character)))
}

function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
