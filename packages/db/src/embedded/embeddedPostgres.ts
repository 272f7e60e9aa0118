import { PortsError } from '@ports/core'
import { createCluster } from './createCluster.js'
import { isAccepting, startPostmaster, stopPostmaster } from './postmaster.js'
import { dataDirectory, registryHome } from './registryHome.js'
import type { Notify } from './serverAccount.js'
import { withStartLock } from './startLock.js'

/**
 * Makes the registry's server where there is none, starts it where it does not run, and returns its
 * data directory once it takes connections. Any number of processes may call this at once, and any
 * of them may be killed at any point.
 */
export function ensureRunning(notify: Notify): Promise<string> {
  const home = registryHome()
  return withStartLock(home, async () => {
    const data = dataDirectory(home) ?? createCluster(home, notify)
    if (!(await isAccepting(data))) await startPostmaster(data)
    return data
  }).catch((error) => {
    throw placeUnusable(error, home)
  })
}

/** A file system's refusal (no right, no space, read-only) as what it means for the registry. */
function placeUnusable(error: unknown, home: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `The registry in ${home} cannot be used (${error.message}). Set PORTS_HOME to a directory of ` +
      'your own, or PORTS_DATABASE_URL to a PostgreSQL.',
    { home },
    { cause: error },
  )
}

/** False if it was not running. */
export async function stop(): Promise<boolean> {
  const home = registryHome()
  const data = dataDirectory(home)
  return data !== undefined && withStartLock(home, () => stopPostmaster(data))
}
