/** Skips the test that runs, and prints why: the default reporter keeps the reason to itself. */
export function skipBecause(skip: (note: string) => never, reason: string): never {
  process.stderr.write(`skipped: ${reason}\n`)
  return skip(reason)
}

/** Skips a test that needs to see which process listens. On macOS, programs show it. */
export function onLinux(skip: (note: string) => never): void {
  if (process.platform !== 'linux')
    skipBecause(skip, 'it reads which process listens from the /proc of Linux')
}
