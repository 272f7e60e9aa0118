import type { Limit, LimitState, LimitStore } from '@ports/core'
import type { Database } from '../Database.js'
import { statement } from '../runStatement.js'
import { present, type Stored } from './present.js'

const COLUMNS =
  'project_name as "projectName", actor, max_ports as "maxPorts", per_minute as "perMinute", ' +
  'set_by as "setBy"'

const SET = statement(`
  select ${COLUMNS}
  from ports.set_limit($1, $2, $3, $4, $5)`)

const REMOVE = statement(`
  select ${COLUMNS}
  from ports.remove_limit($1, $2, $3)`)

const LIST = statement(`
  select ${COLUMNS}, held, case when per_minute is not null then used end as "givenLastMinute"
  from ports.list_limits()
  order by project_name, actor`)

const WRITE = { write: true, resolveBy: 'Ask again: that does no harm.' } as const

export function limitStore(database: Database): LimitStore {
  return {
    async setLimit({ projectName, actor }, { maxPorts, perMinute }, call = {}) {
      const values = [projectName, actor, maxPorts, perMinute, call.actor]
      const [row] = await database.rows<Stored<Limit>>(SET, values, WRITE, call)
      return present<Limit>(row!)
    },

    async removeLimit({ projectName, actor }, call = {}) {
      const values = [projectName, actor, call.actor]
      const [row] = await database.rows<Stored<Limit>>(REMOVE, values, WRITE, call)
      return row && present<Limit>(row)
    },

    async listLimits(call = {}) {
      const rows = await database.rows<Stored<LimitState>>(LIST, [], { write: false }, call)
      return rows.map(present<LimitState>)
    },
  }
}
