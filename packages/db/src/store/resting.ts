import type { CallOptions, RestingPort, RestingQuery } from '@ports/core'
import type { Database } from '../Database.js'
import { type Statement, statement } from '../runStatement.js'
import { present, type Stored } from './present.js'

const COLUMNS = {
  projectName: 'project_name',
  serviceName: 'service_name',
  hostname: 'hostname',
  portNumber: 'port_number',
} as const satisfies { readonly [Field in keyof RestingQuery]-?: string }

export async function listResting(
  database: Database,
  query: RestingQuery,
  call: CallOptions = {},
): Promise<readonly RestingPort[]> {
  const question = restingQuestion(query)
  const subject = { write: false, projectName: query.projectName }
  const rows = await database.rows<RestingRow>(question.statement, question.values, subject, call)
  return rows.filter((row) => row.portNumber !== null).map(present<RestingPort>)
}

/**
 * Selects what matches the query, or a row of nulls for a project in which nothing rests. Raises
 * `PROJECT_NOT_FOUND` if there is no such project.
 */
function restingQuestion(query: RestingQuery): { statement: Statement; values: unknown[] } {
  const values: unknown[] = []
  const parameter = (value: unknown) => `$${values.push(value)}`
  const conditions = Object.entries(COLUMNS).flatMap(([field, column]) => {
    const value = query[field as keyof RestingQuery]
    return value === undefined ? [] : [`${column} = ${parameter(value)}`]
  })
  const resting = `(
    select *
    from ports.resting
    where ${['true', ...conditions].join('\n      and ')}
  ) as resting`
  const from =
    query.projectName === undefined
      ? resting
      : `ports.refuse_unknown_project(${parameter(query.projectName)}) as known
  left join ${resting} on true`
  const text = `
  select
    project_name as "projectName",
    service_name as "serviceName",
    instance,
    hostname,
    protocol,
    port_number as "portNumber",
    rests_until as "restsUntil"
  from ${from}
  order by port_number, hostname, protocol`
  return { statement: statement(text), values }
}

type RestingRow = Stored<RestingPort> | { readonly portNumber: null }
