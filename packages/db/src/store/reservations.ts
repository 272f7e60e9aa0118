import type { Reservation, ReservationStore } from '@ports/core'
import type { Database } from '../Database.js'
import { statement } from '../runStatement.js'
import { present, type Stored } from './present.js'

const COLUMNS =
  'start_port as "startPort", end_port as "endPort", hostname, protocol, reason, ' +
  'actor as "reservedBy", created_at as "createdAt", ends_at as "endsAt"'

const RESERVE = statement(`
  select ${COLUMNS}
  from ports.reserve_ports($1, $2, $3, $4, $5, $6, $7)`)

const UNRESERVE = statement(`
  select ${COLUMNS}
  from ports.unreserve_ports($1, $2, $3, $4, $5)`)

const LIST = statement(`
  select ${COLUMNS}
  from ports.reservations
  order by start_port, end_port, hostname nulls first, protocol nulls first`)

const WRITE = { write: true, resolveBy: 'Ask again: that does no harm.' } as const

export function reservationStore(database: Database): ReservationStore {
  const reservations = async (...question: Parameters<Database['rows']>) =>
    (await database.rows<Stored<Reservation>>(...question)).map(present<Reservation>)
  return {
    async reserve({ startPort, endPort, reason, endsAt, hostname, protocol }, call = {}) {
      const values = [startPort, endPort, reason, endsAt, hostname, protocol, call.actor]
      return (await reservations(RESERVE, values, WRITE, call))[0]!
    },

    async unreserve({ startPort, endPort, hostname, protocol }, call = {}) {
      const values = [startPort, endPort, hostname, protocol, call.actor]
      return reservations(UNRESERVE, values, WRITE, call)
    },

    async listReservations(call = {}) {
      return reservations(LIST, [], { write: false }, call)
    },
  }
}
