import { existsSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join, normalize } from 'node:path'
import { invalidArgument, PortsError } from '@ports/core'

/**
 * The directory of a user's registry: `PORTS_HOME`, else `ports` in the user's data directory
 * (XDG's on Linux, Application Support on macOS).
 */
export async function registryHome(): Promise<string> {
  const home = process.env.PORTS_HOME
  if (home) {
    // Relative to whatever directory each caller is in, it would be another registry for each.
    if (!isAbsolute(home)) throw invalidArgument('PORTS_HOME', home, 'an absolute path')
    return normalize(home)
  }
  // Only here: it looks the user up when it is loaded, and fails for one who has neither an entry
  // in the system's list nor a HOME.
  const envPaths = await import('env-paths').catch((cause) => {
    throw noHome(cause.message, cause)
  })
  const { data } = envPaths.default('ports', { suffix: '' })
  // With an empty HOME it would be a directory below wherever the caller is.
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

/**
 * The server's data directory, or undefined where none was made yet. Its name in the registry's
 * home may be a link: a server that cannot enter the home lives elsewhere.
 * @throws {PortsError} `DATABASE_UNAVAILABLE` where the link leads nowhere: data that were there
 * are lost or not mounted, and new ones would give their numbers a second time
 */
export function dataDirectory(home: string): string | undefined {
  const data = join(home, 'data')
  if (existsSync(data)) return realpathSync(data)
  const target = linkTarget(data)
  if (target === undefined) return undefined
  throw new PortsError(
    'DATABASE_UNAVAILABLE',
    `The registry in ${home} has its data in ${target}, and there is nothing. Bring it back, or ` +
      `mount what it is on. To begin anew instead, remove the link ${data}; then numbers that are ` +
      'held now can be given a second time.',
    { home, dataDirectory: target },
  )
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    // Nothing is there, or the home cannot be read, of which whoever makes the registry will tell.
    return undefined
  }
}

/** What lies beside a data directory. */
export const clusterFiles = {
  log: (data: string) => join(dirname(data), 'postgres.log'),
  sockets: (data: string) => join(dirname(data), 'run'),
}
