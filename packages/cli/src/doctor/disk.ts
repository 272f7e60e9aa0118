import { statfs } from 'node:fs/promises'
import type { Check } from './Check.js'

/** PostgreSQL stops when its disk is full; a segment of its log takes 16 MB. */
const NEARLY_FULL_BYTES = 500_000_000

/** The space that is left where the embedded data are. */
export const diskCheck: Check = {
  name: 'disk',
  async run(subject) {
    if (!(await subject.usesEmbedded())) return []
    const { dataDirectory } = await subject.status()
    if (dataDirectory === undefined) return []
    const { bavail, bsize } = await statfs(dataDirectory)
    const free = bavail * bsize
    const message = `The disk of ${dataDirectory} has ${Math.floor(free / 1_000_000)} MB free.`
    if (free >= NEARLY_FULL_BYTES) return [{ state: 'ok', message }]
    return [{ state: 'warning', message, fix: 'Free space on that disk.' }]
  },
}
