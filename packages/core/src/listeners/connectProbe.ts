import { once } from 'node:events'
import { connect, type LookupFunction } from 'node:net'
import { onAbort } from '../onAbort.js'
import { lookupOnce } from './lookupOnce.js'
import { type Sighting, unknownBecause } from './Sighting.js'

export interface ProbeOptions {
  /** The limit for the lookup of the name and the connection together. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  readonly lookup?: LookupFunction
}

/**
 * Whether a TCP connection to a host succeeds, on any of its IPv4 and IPv6 addresses. The answer is
 * no only if every address refuses (RFC 9293, section 3.10.7.1: a closed port answers with a
 * reset). Silence, an unreachable network and a name that does not resolve leave the verdict
 * unknown.
 * @throws the signal's reason
 */
export async function connectProbe(
  target: { readonly hostname: string; readonly port: number },
  { timeoutMs, signal, lookup = lookupOnce() }: ProbeOptions,
): Promise<Sighting> {
  signal?.throwIfAborted()
  const socket = connect({
    host: target.hostname,
    port: target.port,
    autoSelectFamily: true,
    lookup,
  })
  // once() stops listening at the first error; a later one must not be uncaught.
  socket.on('error', () => {})
  const deadline = setTimeout(() => socket.destroy(new Error('No answer in time')), timeoutMs)
  const forget = signal && onAbort(signal, () => socket.destroy(new Error('No longer wanted')))
  try {
    await once(socket, 'connect')
    return { verdict: 'listening' }
  } catch (error) {
    signal?.throwIfAborted()
    if (wasRefused(error)) return { verdict: 'not-listening' }
    return unknownBecause(hasNoAddress(error) ? 'name-not-resolved' : 'no-answer')
  } finally {
    clearTimeout(deadline)
    forget?.()
    socket.destroy()
  }
}

function wasRefused(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(wasRefused)
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'
}

function hasNoAddress(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'getaddrinfo'
}
