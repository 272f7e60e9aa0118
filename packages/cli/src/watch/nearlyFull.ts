import { type PortManager, type PortSummary, PortsError } from '@ports/core'

const NEARLY_FULL_PERCENT = 80

/** The projects that hold most of their ports on this host. */
export async function nearlyFull(ports: PortManager, signal: AbortSignal): Promise<PortSummary[]> {
  const ranges = await ports.listRanges({ signal })
  const full: PortSummary[] = []
  for (const projectName of new Set(ranges.map((range) => range.projectName))) {
    const summary = await ports.getProjectSummary(projectName, { signal }).catch(undefinedIfNone)
    if (summary && summary.utilization >= NEARLY_FULL_PERCENT) full.push(summary)
  }
  return full
}

/** Undefined if the project has ranges on other hosts only, or none any more. */
function undefinedIfNone(error: unknown): undefined {
  const codes = ['RANGE_EXHAUSTED', 'PROJECT_NOT_FOUND']
  if (error instanceof PortsError && codes.includes(error.code)) return
  throw error
}
