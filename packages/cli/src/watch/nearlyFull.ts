import { type PortManager, type PortSummary, PortsError } from '@ports/core'

const NEARLY_FULL_PERCENT = 80

/** The projects of whose ports on this host only few can be allocated now. */
export async function nearlyFull(ports: PortManager, signal: AbortSignal): Promise<PortSummary[]> {
  const ranges = await ports.listRanges({ signal })
  const full: PortSummary[] = []
  for (const projectName of new Set(ranges.map((range) => range.projectName))) {
    const summary = await ports.getProjectSummary(projectName, { signal }).catch(undefinedIfNone)
    if (summary && isNearlyFull(summary)) full.push(summary)
  }
  return full
}

function isNearlyFull({ totalPorts, allocatableNow }: PortSummary): boolean {
  return (totalPorts - allocatableNow) * 100 >= totalPorts * NEARLY_FULL_PERCENT
}

/** Undefined if the project has ranges on other hosts only, or none any more. */
function undefinedIfNone(error: unknown): undefined {
  const codes = ['RANGE_EXHAUSTED', 'PROJECT_NOT_FOUND']
  if (error instanceof PortsError && codes.includes(error.code)) return
  throw error
}
