import type { PageKey } from './AllocationStore.js'
import type { EventKey } from './EventStore.js'
import { invalidArgument } from './errors.js'
import { validHostname } from './hostname.js'
import { validPort, validProtocol } from './validate.js'

export function cursorAfter({ portNumber, protocol, hostname }: PageKey): string {
  return `${portNumber}/${protocol}/${hostname}`
}

export function parseCursor(cursor: unknown): PageKey {
  const [, port, protocol, hostname] = /^(\d{1,5})\/(tcp|udp)\/(.+)$/.exec(String(cursor)) ?? []
  try {
    return {
      portNumber: validPort('cursor', Number(port)),
      protocol: validProtocol('cursor', protocol),
      hostname: validHostname('cursor', hostname),
    }
  } catch {
    throw invalidArgument('cursor', cursor, 'the nextCursor of an earlier page')
  }
}

export function eventCursorAfter({ transaction, id }: EventKey): string {
  return `${transaction}/${id}`
}

/** The highest numbers of PostgreSQL's types `xid8` and `bigint`. */
const LAST_PLACE: EventKey = { transaction: 2n ** 64n - 1n, id: 2n ** 63n - 1n }

export function parseEventCursor(cursor: unknown): EventKey {
  const [, transaction, id] = /^(\d{1,20})\/(\d{1,19})$/.exec(String(cursor)) ?? []
  if (transaction !== undefined && id !== undefined) {
    const place = { transaction: BigInt(transaction), id: BigInt(id) }
    if (place.transaction <= LAST_PLACE.transaction && place.id <= LAST_PLACE.id) return place
  }
  throw invalidArgument('cursor', cursor, 'the nextCursor of an earlier page')
}
