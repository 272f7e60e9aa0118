// Computes from the histories of the clients for how long no write was acknowledged.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Write {
  readonly client: string
  /** When it was acknowledged, in µs. */
  readonly at: number
}

/** Returns the writes in the order of time. */
export function acknowledgedWrites(directory: string): Write[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.jsonl'))
    .flatMap((file) => writesIn(join(directory, file)).map((at) => ({ client: file, at })))
    .sort((one, other) => one.at - other.at)
}

function writesIn(file: string): number[] {
  const operations: string[] = []
  const writes: number[] = []
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    const { id, op, end, ok } = JSON.parse(line)
    if (op !== undefined) operations[id] = op
    // A get may only have read, and a release may have changed nothing.
    const isWrite =
      operations[id] === 'allocate' || (operations[id] === 'release' && ok?.length > 0)
    if (isWrite && ok !== undefined) writes.push(end)
  }
  return writes
}

/** Returns the longest time in s between two acknowledgements, one of which is in the span. */
export function longestSilence(writes: readonly Write[], from: number, until: number): number {
  let last = writes.findLast(({ at }) => at < from)?.at ?? from
  let longest = 0
  for (const { at } of writes) {
    if (at < from || at > until) continue
    longest = Math.max(longest, at - last)
    last = at
  }
  return Math.max(longest, until - last) / 1e6
}

/** Returns the longest time in s that one client waited. */
export function longestSilenceOfOne(writes: readonly Write[], from: number, until: number) {
  const clients = [...new Set(writes.map(({ client }) => client))]
  return Math.max(
    ...clients.map((client) =>
      longestSilence(
        writes.filter((write) => write.client === client),
        from,
        until,
      ),
    ),
  )
}
