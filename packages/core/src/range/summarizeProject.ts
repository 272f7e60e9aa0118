import type { CallOptions } from '../CallOptions.js'
import type { Scope } from '../PortAllocation.js'
import type { Bounds, PortSummary } from '../PortRange.js'
import type { RangeStore } from '../RangeStore.js'

/**
 * How full the project's ranges are in the scope.
 * @param avoid numbers that are not allocated unless they are asked for
 */
export async function summarizeProject(
  store: RangeStore,
  projectName: string,
  scope: Scope,
  avoid: readonly Bounds[],
  call: CallOptions,
): Promise<PortSummary> {
  const usage = await store.summarize(projectName, scope, avoid, call)
  const { ranges, availablePorts, ...parts } = usage
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
    ...parts,
    utilization: Math.round((allocatedPorts / totalPorts) * 10_000) / 100,
  }
}
