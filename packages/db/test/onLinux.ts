import { skipBecause } from './skipBecause.js'

/** Skips a test that needs to see which process listens. */
export function onLinux(skip: (note: string) => never): void {
  if (process.platform !== 'linux') skipBecause(skip, 'only Linux shows which process listens')
}
