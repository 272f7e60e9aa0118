import { statfs } from 'node:fs/promises'
import type { Check } from './Check.js'

/** PostgreSQL stops when its disk is full. A segment of its write-ahead log takes 16 MB. */
const NEARLY_FULL_BYTES = 500_000_000

/** Checks the free space on the disk of the embedded registry. */
export const diskCheck: Check = {
  name: 'disk',
  async run(subject) {
    const embedded = await subject.embedded()
    if (!embedded) return []
    const { dataDirectory } = embedded
    const { bavail, bsize } = await statfs(dataDirectory)
    const free = bavail * bsize
    const message = `The disk of ${dataDirectory} has ${Math.floor(free / 1_000_000)} MB free.`
    if (free >= NEARLY_FULL_BYTES) return [{ state: 'ok', message }]
    return [{ state: 'warning', message, fix: 'Free space on that disk.' }]
  },
}
