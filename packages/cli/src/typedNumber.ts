/**
 * The number that was typed. Any other text is returned as it is, so that core, which judges all
 * numbers, can name it in its error.
 */
export function typedNumber(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : (text as unknown as number)
}
