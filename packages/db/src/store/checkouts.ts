import type { Checkout, CheckoutStore } from '@ports/core'
import type { Database } from '../Database.js'
import { statement } from '../runStatement.js'
import { present, type Stored } from './present.js'

const ENSURE = statement(`
  select
    (checkout).project_name as "projectName",
    (checkout).hostname,
    (checkout).directory,
    (checkout).instance,
    (checkout).created_at as "createdAt",
    (checkout).identity,
    (checkout).allocation_ids as "allocationIds",
    created
  from ports.ensure_checkout($1, $2, $3, $4, $5, $6, $7, $8)`)

const LIST = statement(`
  select
    project_name as "projectName",
    hostname,
    directory,
    instance,
    created_at as "createdAt",
    identity,
    allocation_ids as "allocationIds"
  from ports.checkouts
  where project_name = coalesce($1, project_name)
    and hostname = coalesce($2, hostname)
    and ($3::text is null or directory = $3 or instance = '' or identity = $4)
  order by project_name, hostname, instance`)

const NOTE = statement('select from ports.note_allocations($1, $2, $3, $4)')

const FORGET = statement('select ports.forget_checkout($1, $2, $3) as answer')

const WRITE = { write: true, resolveBy: 'Ask again: that does no harm.' } as const

type CheckoutRow = Stored<Checkout>

export function checkoutStore(database: Database): CheckoutStore {
  return {
    async ensureCheckout(request, call = {}) {
      const { projectName, hostname, directory, isLinked, wanted, replaces, identity } = request
      const where = [projectName, directory, wanted, isLinked, hostname]
      const values = [...where, replaces, identity, call.actor]
      const subject = { ...WRITE, projectName }
      const rows = await database.rows<CheckoutRow & { created: boolean }>(
        ENSURE,
        values,
        subject,
        call,
      )
      const { created, ...checkout } = rows[0]!
      return { checkout: present<Checkout>(checkout), created }
    },

    async listCheckouts({ projectName, hostname, directory, identity }, call = {}) {
      const values = [projectName, hostname, directory, identity]
      const rows = await database.rows<CheckoutRow>(LIST, values, { write: false }, call)
      return rows.map((row) => present<Checkout>(row))
    },

    async noteAllocations({ projectName, hostname, directory }, allocationIds, call = {}) {
      await database.rows(NOTE, [projectName, directory, hostname, allocationIds], WRITE, call)
    },

    async forgetCheckout({ projectName, hostname, directory }, call = {}) {
      return database.answer<boolean>(FORGET, [projectName, directory, hostname], WRITE, call)
    },
  }
}
