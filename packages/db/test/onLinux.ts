import { skipBecause } from './skipBecause.js'

/** Skips a test that needs to see which process listens. On macOS, programs show it. */
export function onLinux(skip: (note: string) => never): void {
  if (process.platform !== 'linux')
    skipBecause(skip, 'it reads which process listens from the /proc of Linux')
}
