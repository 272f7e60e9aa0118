import { chmodSync, existsSync, mkdtempSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const MACHINE_FILE = '/etc/ports/config.json'

/**
 * Makes the directory the registry home of this process and of those that it starts. The settings
 * of the user who runs it, and what listens on this machine, do not affect them.
 * @throws {Error} if the machine has settings, because these cannot be hidden from them
 */
export function useHome(directory: string): void {
  if (existsSync(MACHINE_FILE)) {
    throw new Error(`This would use the settings of ${MACHINE_FILE}: run it on another machine.`)
  }
  process.env.PORTS_HOME = directory
  process.env.PORTS_PASS_OVER = 'none'
  process.env.XDG_CONFIG_HOME = join(directory, 'settings')
  for (const name of ['ACTOR', 'DATABASE_URL', 'DEFAULT_RANGES', 'HOSTNAME', 'RANGE_SIZE']) {
    delete process.env[`PORTS_${name}`]
  }
}

/** Creates a directory that every account can enter. Under root, the server has its own account. */
export function tempDirectory(prefix: string): string {
  const directory = mkdtempSync(join(isOpenToAll(tmpdir()) ? tmpdir() : '/tmp', prefix))
  chmodSync(directory, 0o755)
  return directory
}

function isOpenToAll(directory: string): boolean {
  const parent = dirname(directory)
  const enterable = (statSync(directory).mode & 0o001) !== 0
  return enterable && (parent === directory || isOpenToAll(parent))
}
