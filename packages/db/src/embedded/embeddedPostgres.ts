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
  })
}

/** False if it was not running. */
export async function stop(): Promise<boolean> {
  const home = registryHome()
  const data = dataDirectory(home)
  return data !== undefined && withStartLock(home, () => stopPostmaster(data))
}
