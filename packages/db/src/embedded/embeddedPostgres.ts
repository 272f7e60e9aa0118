import { noRegistry, PortsError } from '@ports/core'
import { settingsFiles } from '../settings/settingsFiles.js'
import { adviceFor } from './adviceFor.js'
import { createCluster } from './createCluster.js'
import { dataDirectory } from './dataDirectory.js'
import { refuseHiddenHome } from './hiddenHome.js'
import { postmasterPid } from './lockFiles.js'
import { otherDefaultRegistry } from './otherRegistries.js'
import { startPostmaster, stopPostmaster } from './postmaster.js'
import { type RegistryFiles, registryFiles, removeRegistryFiles } from './registryFiles.js'
import { registryHome } from './registryHome.js'
import { accountOf, type Notify, refuseLonelyRoot } from './serverAccount.js'
import { isAccepting } from './serverConnection.js'
import { socketDirectory } from './socketDirectory.js'
import { withStartLock } from './startLock.js'
import { refuseForeignDirectory } from './trustedPath.js'

export interface EmbeddedStatus {
  readonly running: boolean
  readonly home: string
  readonly dataDirectory?: string
  readonly socketDirectory?: string
  /** The account that the server runs as. */
  readonly owner?: string
  readonly pid?: number
}

/**
 * Makes the registry's server if there is none, starts it if it does not run, and returns its data
 * directory once it takes connections. Any number of processes may call this at once, and any of
 * them may be killed at any point.
 * @param onLaunch called if this call started the server
 * @throws {PortsError} `DATABASE_UNAVAILABLE`
 */
export function ensureRunning(notify: Notify, onLaunch: () => void): Promise<string> {
  return atHome((home) =>
    withStartLock(home, notify, async (lock) => {
      const found = dataDirectory(home)
      if (found !== undefined && (await isAccepting(found))) return found
      refuseHiddenHome(home)
      refuseLonelyRoot()
      const data = found ?? (await createCluster(home, notify))
      lock.noteMade()
      await startPostmaster(data)
      onLaunch()
      return data
    }),
  )
}

/** The data directory of the server, or undefined if none was made yet. */
export function existingData(): Promise<string | undefined> {
  return atHome(async (home) => dataDirectory(home))
}

/**
 * The data directory of the registry.
 * @throws {PortsError} `NO_REGISTRY` if none was made yet, `SANDBOXED` if it cannot be known
 * whether one was
 */
export function requiredData(): Promise<string> {
  return atHome(async (home) => {
    const data = dataDirectory(home)
    if (data !== undefined) return data
    refuseHiddenHome(home)
    throw noRegistry(home, settingsFiles())
  })
}

/** Stops the server. False if it was not running. */
export function stop(notify: Notify): Promise<boolean> {
  return atHome(async (home) => {
    const data = dataDirectory(home)
    return data !== undefined && withStartLock(home, notify, () => stopPostmaster(data))
  })
}

/** Starts and makes nothing. */
export function embeddedStatus(): Promise<EmbeddedStatus> {
  return atHome(async (home) => {
    const data = dataDirectory(home)
    if (data === undefined) return { running: false, home }
    const running = await isAccepting(data)
    const pid = running ? postmasterPid(data) : undefined
    return {
      running,
      home,
      dataDirectory: data,
      socketDirectory: socketDirectory(data),
      owner: accountOf(data).name,
      ...(pid !== undefined && { pid }),
    }
  })
}

/**
 * The files of the registry.
 * @throws {PortsError} `SANDBOXED` if it cannot be known whether there is one
 */
export function filesOfRegistry(): Promise<RegistryFiles> {
  return atHome(async (home) => {
    const files = registryFiles(home)
    if (files.paths.length === 0) refuseHiddenHome(home)
    const other = await otherDefaultRegistry(home)
    return { ...files, ...(other !== undefined && { defaultRegistry: other }) }
  })
}

/** Stops the server, and removes what was made for the registry. */
export function removeRegistry(notify: Notify): Promise<RegistryFiles> {
  return atHome((home) => removeRegistryFiles(home, notify))
}

/** Turns a refusal of the system (no right, no space, read-only) into an error about the home. */
async function atHome<Result>(work: (home: string) => Promise<Result>): Promise<Result> {
  const home = await registryHome()
  try {
    refuseUnsafe(home)
    return await work(home)
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    throw new PortsError(
      'DATABASE_UNAVAILABLE',
      `The registry in ${home} cannot be used (${error.message}). ${adviceFor(error.message)}; or ` +
        'set PORTS_HOME to a directory of your own, or PORTS_DATABASE_URL to a PostgreSQL.',
      { home },
      { cause: error },
    )
  }
}

/**
 * Reports an empty file system over the home as the work of a sandbox, not as a problem of rights.
 */
function refuseUnsafe(home: string): void {
  try {
    refuseForeignDirectory(home)
  } catch (error) {
    refuseHiddenHome(home)
    throw error
  }
}
