import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import envPaths from 'env-paths'

/**
 * The directory of a user's registry: `PORTS_HOME`, else `ports` in the user's data directory
 * (XDG's on Linux, Application Support on macOS).
 */
export function registryHome(): string {
  const home = process.env.PORTS_HOME
  return home ? resolve(home) : envPaths('ports', { suffix: '' }).data
}

/**
 * The server's data directory, or undefined where none was made yet. Its name in the registry's
 * home may be a link: a server that cannot enter the home lives elsewhere.
 */
export function dataDirectory(home: string): string | undefined {
  const data = join(home, 'data')
  return existsSync(data) ? realpathSync(data) : undefined
}

/** What lies beside a data directory. */
export const clusterFiles = {
  log: (data: string) => join(dirname(data), 'postgres.log'),
  sockets: (data: string) => join(dirname(data), 'run'),
}
