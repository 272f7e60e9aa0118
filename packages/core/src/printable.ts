/**
 * Characters that a reader does not see or that change what is seen around them: controls, what
 * Unicode calls format characters (turns of direction, joiners, tags), separators of lines, unpaired
 * surrogates, and the code points that a display may leave out (Default_Ignorable_Code_Point). A
 * variation selector right after an emoji only chooses its style and stays.
 */
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?<!\p{Extended_Pictographic})[\ufe0e\ufe0f]|(?![\ufe0e\ufe0f])\p{Default_Ignorable_Code_Point}/gu

/**
 * The text in one line that shows all of it: every hidden character as `\u{…}`, so that stored text
 * neither commands a terminal nor says to a model what a person cannot see.
 */
export function printable(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
}

/** The same for text whose line breaks are meant. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

/** JSON that shows all of its text: hidden characters as JSON's own `\uXXXX`. It parses to the same. */
export function printableJson(json: string): string {
  return json.replace(HIDDEN, (character) => (character === '\n' ? character : escaped(character)))
}

function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
