/** Descriptions may hold any text, an escape sequence too; a terminal must not obey it. */
export function printable(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
