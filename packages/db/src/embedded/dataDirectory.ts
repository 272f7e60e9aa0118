import { existsSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PortsError } from '@ports/core'
import { refuseForeignData, UNFINISHED_LINK } from './createCluster.js'
import { wasMade } from './startLock.js'
import { refuseForeignDirectory } from './trustedPath.js'

/**
 * The server's data directory, or undefined if none was made yet. Its name in the registry's home
 * may be a link: a server that cannot enter the home has its data elsewhere.
 * @throws {PortsError} `DATABASE_UNAVAILABLE` if earlier data are lost or not mounted, because new
 * data would give their numbers a second time; also if the directory is not the registry's or
 * another user can change it
 */
export function dataDirectory(home: string): string | undefined {
  const data = join(home, 'data')
  // Checked first, because another process may be making the data, and records that only
  // afterwards.
  const hadData = wasMade(home)
  if (existsSync(data)) {
    const real = realpathSync(data)
    refuseForeignDirectory(dirname(real))
    refuseForeignData(real)
    return real
  }
  const target = linkTarget(data)
  const isBeingMade = linkTarget(join(home, UNFINISHED_LINK)) !== undefined
  if (target === undefined && (isBeingMade || !hadData)) return undefined
  throw new PortsError(
    'DATABASE_UNAVAILABLE',
    `The registry in ${home} has lost its data: there is nothing in ${target ?? data}. Restore ` +
      'it, or mount the file system that it is on. If an uninstall was interrupted, repeat it. ' +
      `To start over instead, remove ${home}. ` +
      'Numbers that are held now can then be allocated a second time.',
    { home, dataDirectory: target ?? data },
  )
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    // Nothing is there, or the home cannot be read, which the call that makes the registry reports.
    return undefined
  }
}
