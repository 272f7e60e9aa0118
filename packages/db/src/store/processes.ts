import type { ProcessStore, RecordedProcess } from '@ports/core'
import type { Database } from '../Database.js'
import { statement } from '../runStatement.js'
import { present, type Stored } from './present.js'

const RECORD = statement('select ports.record_process($1, $2, $3, $4, $5) as answer')

const LIST = statement(`
  select
    allocation_id as "allocationId",
    project_name as "projectName",
    service_name as "serviceName",
    instance,
    hostname,
    pid,
    started,
    directory,
    command,
    recorded_at as "recordedAt"
  from ports.processes
  where hostname = $1`)

const WRITE = { write: true, resolveBy: 'Record it again: that does no harm.' } as const

export function processStore(database: Database): ProcessStore {
  return {
    async recordProcess(allocationId, { pid, started, directory, command }, call = {}) {
      const values = [allocationId, pid, started, directory, command]
      return database.answer<boolean>(RECORD, values, WRITE, call)
    },

    async listProcesses(hostname, call = {}) {
      const rows = await database.rows<Stored<RecordedProcess>>(
        LIST,
        [hostname],
        { write: false },
        call,
      )
      return rows.map((row) => present<RecordedProcess>(row))
    },
  }
}
