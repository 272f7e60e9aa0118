import { realpath } from 'node:fs/promises'
import { onAbort } from '../onAbort.js'
import { apiSockets } from './apiSockets.js'
import type { Container } from './Container.js'
import { listContainers } from './listContainers.js'

/** The limit for all sockets together. Half a second was too short on a busy machine. */
const TIME_LIMIT_MS = 2_000

/** A socket that exists, but does not return which containers there are. */
export interface UnreachableSocket {
  readonly socket: string
  /** A clause about the socket: `it may not be opened (EACCES)`. */
  readonly reason: string
}

/** The containers that the runtimes of this machine report. */
export interface SeenContainers {
  readonly containers: readonly Container[]
  /** The containers behind these sockets are unknown. */
  readonly unreachable: readonly UnreachableSocket[]
}

export interface ReadContainersOptions {
  /** The sockets at which runtimes may be asked. Default: those of this machine. */
  readonly sockets?: readonly string[]
  readonly signal?: AbortSignal
}

/**
 * The containers of this machine that run, with the ports that they publish, within two seconds.
 * A fault of a runtime only makes its socket unreachable.
 * @throws the signal's reason
 */
export async function readContainers({
  sockets = apiSockets(),
  signal,
}: ReadContainersOptions = {}): Promise<SeenContainers> {
  signal?.throwIfAborted()
  const answers = await withinLimit(signal, async (limit) => {
    const found = await existing(sockets)
    return Promise.all(found.map((each) => ('reason' in each ? each : ask(each.socket, limit))))
  })
  signal?.throwIfAborted()
  // Two sockets may lead to one runtime.
  const containers = new Map<string, Container>()
  for (const answer of answers) {
    if ('reason' in answer) continue
    for (const each of answer) if (!containers.has(each.id)) containers.set(each.id, each)
  }
  return {
    containers: [...containers.values()],
    unreachable: answers.filter((answer) => 'reason' in answer),
  }
}

async function withinLimit<Result>(
  signal: AbortSignal | undefined,
  act: (limit: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController()
  const timer = setTimeout(
    () => limit.abort(new Error(`it did not answer within ${TIME_LIMIT_MS} ms`)),
    TIME_LIMIT_MS,
  )
  const forget =
    signal && onAbort(signal, () => limit.abort(new Error('it was not asked to the end')))
  try {
    return await act(limit.signal)
  } finally {
    clearTimeout(timer)
    forget?.()
  }
}

/** The sockets that exist, each once, because one may be a link to another. */
async function existing(
  sockets: readonly string[],
): Promise<({ readonly socket: string } | UnreachableSocket)[]> {
  const places = await Promise.all(
    sockets.map((socket) =>
      realpath(socket).then(
        (place) => ({ socket, place }),
        (error) => ({ socket, place: socket, error }),
      ),
    ),
  )
  const seen = new Set<string>()
  return places.flatMap((each) => {
    if (seen.has(each.place)) return []
    seen.add(each.place)
    if (!('error' in each)) return [{ socket: each.socket }]
    const isAbsent = ['ENOENT', 'ENOTDIR'].includes(each.error.code)
    return isAbsent ? [] : [{ socket: each.socket, reason: reasonFor(each.error) }]
  })
}

async function ask(socket: string, limit: AbortSignal): Promise<Container[] | UnreachableSocket> {
  try {
    return await listContainers(socket, limit)
  } catch (error) {
    return { socket, reason: reasonFor(error as NodeJS.ErrnoException) }
  }
}

function reasonFor({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `it may not be opened (${code})`
    case 'ECONNREFUSED':
      return `nothing listens on it (${code})`
    case 'ECONNRESET':
    case 'EPIPE':
      return `it closed the connection (${code})`
    default:
      return code?.startsWith('HPE_') ? `it does not answer in HTTP (${code})` : message
  }
}
