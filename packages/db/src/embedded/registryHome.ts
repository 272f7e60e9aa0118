import { dirname, isAbsolute, join, normalize } from 'node:path'
import { invalidArgument, PortsError } from '@ports/core'

/**
 * The directory of a user's registry: `PORTS_HOME`, else `ports` in the user's data directory
 * (XDG's on Linux, Application Support on macOS).
 */
export async function registryHome(): Promise<string> {
  const home = process.env.PORTS_HOME
  if (!home) return defaultHome()
  // A relative path would mean another registry in each caller's directory.
  if (!isAbsolute(home)) throw invalidArgument('PORTS_HOME', home, 'an absolute path')
  return normalize(home)
}

/** The directory of a user's registry without `PORTS_HOME`. */
export async function defaultHome(): Promise<string> {
  // Imported only here: when it is loaded, it looks the user up, and fails for one who has neither
  // an entry in the user database nor a HOME.
  const envPaths = await import('env-paths').catch((cause) => {
    throw noHome(cause.message, cause)
  })
  const { data } = envPaths.default('ports', { suffix: '' })
  // With an empty HOME, the path would be relative to the caller's directory.
  if (!isAbsolute(data)) throw noHome('HOME is empty')
  return data
}

function noHome(reason: string, cause?: unknown): PortsError {
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `There is no home directory to keep a registry in (${reason}). ` +
      'Set HOME or PORTS_HOME, or PORTS_DATABASE_URL to a PostgreSQL of your own.',
    {},
    { cause },
  )
}

/** The files beside a data directory. */
export const clusterFiles = {
  log: (data: string) => join(dirname(data), 'postgres.log'),
  sockets: (data: string) => join(dirname(data), 'run'),
}
