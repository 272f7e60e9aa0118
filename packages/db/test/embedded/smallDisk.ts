import { SmallDisk } from '@ports/testkit'
import { skipBecause } from '@ports/testkit/vitest'
import { onTestFinished } from 'vitest'
import { place } from './homes.js'

/** A disk that is unmounted when the test ends. Skips the test if nothing can be mounted. */
export function smallDisk(skip: (note: string) => never, megabytes: number): SmallDisk {
  const missing = SmallDisk.missing()
  if (missing !== undefined) skipBecause(skip, missing)
  try {
    const disk = new SmallDisk(place(), megabytes)
    onTestFinished(() => disk.unmount())
    return disk
  } catch (error) {
    return skipBecause(skip, `a small disk cannot be mounted (${(error as Error).message})`)
  }
}
