/** Skips the test that runs, and prints why: the default reporter keeps the reason to itself. */
export function skipBecause(skip: (note: string) => never, reason: string): never {
  process.stderr.write(`skipped: ${reason}\n`)
  return skip(reason)
}
