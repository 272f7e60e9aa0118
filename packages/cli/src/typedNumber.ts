/**
 * The number that was typed. What is not one is passed on as it is, so that core, which judges all
 * numbers, can name the text in its error.
 */
export function typedNumber(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : (text as unknown as number)
}
