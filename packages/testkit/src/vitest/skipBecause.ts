import { spawnSync } from 'node:child_process'

export type Skip = (note: string) => never

/** Skips the test that runs, and prints why: the default reporter does not show the reason. */
export function skipBecause(skip: Skip, reason: string): never {
  process.stderr.write(`skipped: ${reason}\n`)
  return skip(reason)
}

/** Skips a test that needs to see which process listens. On macOS, programs show it. */
export function onLinux(skip: Skip): void {
  if (process.platform !== 'linux')
    skipBecause(skip, 'it reads which process listens from the /proc of Linux')
}

/** Skips a test for which this command must succeed, such as `python3 --version`. */
export function needs(skip: Skip, program: string, ...args: readonly string[]): void {
  const { status, error, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status === 0) return
  const reason = error?.message ?? stderr.trim()
  skipBecause(skip, `${[program, ...args].join(' ')} fails here (${reason})`)
}
