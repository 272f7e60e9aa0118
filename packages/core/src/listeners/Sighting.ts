import type { Scope } from '../PortAllocation.js'

/** Whether something listens; `unknown` if that cannot be seen from here. */
export type Verdict = 'listening' | 'not-listening' | 'unknown'

/**
 * Why it is not known whether something listens:
 * - `tables-unreadable`: this host's kernel does not show its sockets to this process.
 * - `other-network`: this process is not in the network namespace of this host's services.
 * - `ipv4-of-ipv6-socket`: the kernel does not show whether a socket on `::` takes IPv4 as well.
 * - `udp-of-another-host`: a UDP service may not answer a probe.
 * - `localhost-of-another-host`: this machine has its own name, and localhost means another
 *   machine.
 * - `name-not-resolved`: the name of the other host has no address here.
 * - `no-answer`: the other host neither accepted nor refused a connection.
 */
export const UNKNOWN_REASONS = [
  'tables-unreadable',
  'other-network',
  'ipv4-of-ipv6-socket',
  'udp-of-another-host',
  'localhost-of-another-host',
  'name-not-resolved',
  'no-answer',
] as const

export type UnknownReason = (typeof UNKNOWN_REASONS)[number]

/** A socket that others can connect or send to. */
export interface SeenListener {
  /** `0.0.0.0` and `::` stand for all addresses of their family. */
  readonly address: string
  /** The user who opened it; absent if the system does not show it. */
  readonly uid?: number
}

export function seenOf({ address, uid }: SeenListener): SeenListener {
  return { address, ...(uid !== undefined && { uid }) }
}

/** The result of looking at one port of one host at one moment. */
export type Sighting =
  | {
      readonly verdict: 'listening'
      /**
       * All sockets that hold the number there. Absent for another host, which was connected to.
       */
      readonly listeners?: readonly SeenListener[]
    }
  | {
      readonly verdict: 'not-listening'
      /** Empty for this host, absent for another. */
      readonly listeners?: readonly SeenListener[]
      /**
       * A TCP connection, open or closing, has the number at this end. While it does, a server that
       * binds the number may be refused with EADDRINUSE.
       */
      readonly heldBy?: 'connection'
    }
  | {
      readonly verdict: 'unknown'
      readonly reason: UnknownReason
      /** The sockets in question, if any are seen. */
      readonly listeners?: readonly SeenListener[]
    }

/** A sighting, and the port that it is of. */
export type PortSighting = Scope & {
  readonly port: number
  /** The address that was asked for, if it is one of several of that host. */
  readonly address?: string
} & Sighting

export function unknownBecause(reason: UnknownReason): Sighting {
  return { verdict: 'unknown', reason }
}
