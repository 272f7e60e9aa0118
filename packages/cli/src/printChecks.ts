import { nameOfService, type RecordedCheck, type Service, toSeconds } from '@ports/core'
import type { Context } from './Context.js'
import { healthText } from './healthText.js'
import { inCheckout } from './inCheckout.js'
import { inJson } from './inJson.js'
import { nameOfProcess } from './nameOfProcess.js'
import type { Columns } from './table.js'

interface Row extends RecordedCheck {
  readonly port: number
}

const COLUMNS: Columns<Row> = {
  WHEN: { whole: true, cell: ({ checkedAt }) => toSeconds(checkedAt) },
  PORT: ({ port }) => port,
  SEEN: { whole: true, cell: ({ verdict }) => verdict.replace('-', ' ') },
  WHOSE: { spare: 'whole', cell: ({ process }) => process?.whose },
  PROCESS: { spare: 'cut', cell: ({ process }) => process && nameOfProcess(process) },
  DIRECTORY: { spare: 'cut', cell: ({ process }) => process?.directory },
}

/** Prints what audits saw of the ports of a service, newest first. */
export async function printChecks(
  context: Context,
  { projectName, serviceName }: Pick<Service, 'projectName' | 'serviceName'>,
  { portNumber, limit }: { readonly portNumber: number | undefined; readonly limit: number },
): Promise<void> {
  const { openManager, output, signal } = context
  const scoped = await inCheckout(context, projectName, {}, { create: false })
  const ports = await openManager()
  const options = { ...scoped, portNumber, limit: Math.min(limit, 100), signal }
  const checked = await ports.listChecks(projectName, serviceName, options)
  const rows = checked.flatMap(({ allocation, checks }) =>
    checks.map((each): Row => ({ port: allocation.portNumber, ...each })),
  )
  if (rows.length === 0) {
    const message = 'No audit has checked a port of this service. To check all: ports audit'
    return output.outcome(inJson(checked), message)
  }
  const { table } = await import('./table.js')
  output.result(inJson(checked), () => table(rows, COLUMNS, output.stdout))
  for (const { allocation, health } of checked) {
    if (health) {
      output.notice(
        `${nameOfService(allocation)} (${allocation.portNumber}): ${healthText(health)}`,
      )
    }
  }
}
