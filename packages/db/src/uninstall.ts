import { PortsError } from '@ports/core'
import { type DatabaseOptions, databaseUrl } from './databaseUrl.js'
import * as embedded from './embedded/embeddedPostgres.js'
import type { RegistryFiles } from './embedded/registryFiles.js'
import { shownUrl } from './postgresUrl.js'
import { readSetting } from './settings/readSettings.js'

/**
 * The files of the embedded registry. Starts and changes nothing.
 * @throws {PortsError} `INVALID_ARGUMENT` if an external database is set, `DATABASE_UNAVAILABLE`,
 * `SANDBOXED`
 */
export async function registryFiles(options: DatabaseOptions = {}): Promise<RegistryFiles> {
  refuseShared(options)
  return embedded.filesOfRegistry()
}

/**
 * Stops the embedded server, and removes all files that were made for the registry, and no others.
 * Safe to repeat. Returns what was there before.
 * @throws {PortsError} as `registryFiles`
 */
export async function removeRegistry(options: DatabaseOptions = {}): Promise<RegistryFiles> {
  refuseShared(options)
  return embedded.removeRegistry(options.notify ?? (() => {}))
}

/** Other machines may use an external database, and it is unclear which registry is meant. */
function refuseShared(options: DatabaseOptions): void {
  const url = databaseUrl(options)
  if (url === undefined) return
  const { source, from } = readSetting('databaseUrl')
  const setting = source === 'environment' ? String(from) : 'databaseUrl'
  throw new PortsError(
    'INVALID_ARGUMENT',
    `The registry is in a database of your own, ${shownUrl(url)}, which others may share. Nothing ` +
      'was removed, neither there nor here. To remove what is on this machine, ' +
      (source === 'file' ? `remove ${setting} in ${from} first.` : `unset ${setting} first.`),
    { field: setting, value: shownUrl(url) },
  )
}
