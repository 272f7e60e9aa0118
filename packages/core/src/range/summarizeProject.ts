import type { CallOptions } from '../CallOptions.js'
import type { Scope } from '../PortAllocation.js'
import type { PortSummary } from '../PortRange.js'
import type { RangeStore } from '../RangeStore.js'

/** How full the project's ranges are in the scope. */
export async function summarizeProject(
  store: RangeStore,
  projectName: string,
  scope: Scope,
  call: CallOptions,
): Promise<PortSummary> {
  const { ranges, availablePorts } = await store.summarize(projectName, scope, call)
  const totalPorts = ranges.reduce(
    (sum, { startPort, endPort }) => sum + endPort - startPort + 1,
    0,
  )
  const allocatedPorts = totalPorts - availablePorts
  return {
    projectName,
    ...scope,
    rangeStart: Math.min(...ranges.map(({ startPort }) => startPort)),
    rangeEnd: Math.max(...ranges.map(({ endPort }) => endPort)),
    ranges,
    totalPorts,
    allocatedPorts,
    availablePorts,
    utilization: Math.round((allocatedPorts / totalPorts) * 10_000) / 100,
  }
}
