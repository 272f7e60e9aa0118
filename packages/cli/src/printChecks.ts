import {
  isAbsent,
  nameOfInstance,
  nameOfService,
  type PortAllocation,
  type PortManager,
  type RecordedCheck,
  toSeconds,
} from '@ports/core'
import type { Context } from './Context.js'
import { healthText } from './healthText.js'
import { knownInstance } from './inCheckout.js'
import { inJson } from './inJson.js'
import { nameOfProcess } from './nameOfProcess.js'
import type { Columns } from './table.js'

interface Row extends RecordedCheck {
  readonly port: number
  /** Undefined if all rows are of one service. */
  readonly service: string | undefined
}

const COLUMNS: Columns<Row> = {
  WHEN: { whole: true, cell: ({ checkedAt }) => toSeconds(checkedAt) },
  PORT: ({ port }) => port,
  SERVICE: ({ service }) => service,
  SEEN: { whole: true, cell: ({ verdict }) => verdict.replace('-', ' ') },
  WHOSE: { spare: 'whole', cell: ({ process }) => process?.whose },
  PROCESS: { spare: 'cut', cell: ({ process }) => process && nameOfProcess(process) },
  DIRECTORY: { spare: 'cut', cell: ({ process }) => process?.directory },
}

/** Which ports of this host are meant. */
export interface CheckedPorts {
  /** Default: all projects. */
  readonly projectName?: string
  /** Of the copy of the project in this directory. Default: all services, in all copies. */
  readonly serviceName?: string
  readonly portNumber?: number
}

/** Prints what audits saw of these ports, newest first for each. */
export async function printChecks(
  context: Context,
  wanted: CheckedPorts,
  limit: number,
): Promise<void> {
  const { openManager, output, signal } = context
  const ports = await openManager()
  const services = servicesOf(await heldOf(context, ports, wanted))
  const options = { portNumber: wanted.portNumber, limit: Math.min(limit, 100), signal }
  const checked = []
  for (const { projectName, serviceName, instance } of services) {
    const named = { ...options, instance: nameOfInstance(instance) }
    checked.push(...(await ports.listChecks(projectName, serviceName, named)))
  }
  const rows = checked.flatMap(({ allocation, checks }) => {
    const service = services.length > 1 ? nameOfService(allocation) : undefined
    return checks.map((each): Row => ({ port: allocation.portNumber, service, ...each }))
  })
  if (rows.length === 0) {
    const message = 'No audit has checked such a port. To check all: ports audit'
    return output.outcome(inJson(checked), message)
  }
  const { table } = await import('./table.js')
  output.result(inJson(checked), () => table(rows, COLUMNS, output.stdout))
  for (const { allocation, health } of checked) {
    if (health) {
      output.notice(
        `${nameOfService(allocation)} (${allocation.portNumber}): ${healthText(health, allocation)}`,
      )
    }
  }
}

async function heldOf(
  context: Context,
  ports: PortManager,
  { projectName, serviceName, portNumber }: CheckedPorts,
): Promise<PortAllocation[]> {
  const { hostname } = ports.scope()
  const query = { hostname, serviceName, portNumber, signal: context.signal }
  if (isAbsent(projectName)) return ports.listAll(query)
  const held = await ports.listByProject(projectName, query)
  if (serviceName === undefined) return held
  const copy = await knownInstance(context, projectName, {})
  return held.filter(({ instance }) => instance === copy)
}

/** One allocation for each service. */
function servicesOf(held: readonly PortAllocation[]): PortAllocation[] {
  return [...new Map(held.map((each) => [nameOfService(each), each])).values()]
}
