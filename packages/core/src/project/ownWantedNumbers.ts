import type { WriteOptions } from '../CallOptions.js'
import { PortsError } from '../errors.js'
import type { PortManager } from '../PortManager.js'
import type { PortRange } from '../PortRange.js'
import type { ProjectService } from './ProjectFile.js'

/**
 * Creates ranges of a project for the numbers that its services want, unless a project already owns
 * them. Returns the new ranges. A number that is not available is left to the claim, which says
 * why.
 */
export async function ownWantedNumbers(
  ports: PortManager,
  projectName: string,
  services: readonly ProjectService[],
  options: WriteOptions,
): Promise<PortRange[]> {
  const wanted = services.flatMap(({ port, preferredPort }) => port ?? preferredPort ?? [])
  if (wanted.length === 0) return []
  const { hostname } = ports.scope()
  const ranges = (await ports.listRanges(options)).filter(
    (range) => (range.hostname ?? hostname) === hostname,
  )
  const isOwned = (number: number) =>
    ranges.some(({ startPort, endPort }) => startPort <= number && number <= endPort)
  const added: PortRange[] = []
  for (const number of new Set(wanted.filter((each) => !isOwned(each)))) {
    const range = { startPort: number, endPort: number }
    try {
      added.push(await ports.addRange(projectName, range, options))
    } catch (error) {
      const isTaken = error instanceof PortsError && error.code === 'RANGE_OVERLAP'
      if (!isTaken) throw error
    }
  }
  return added
}
