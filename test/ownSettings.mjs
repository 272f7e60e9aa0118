import { existsSync } from 'node:fs'
import { join } from 'node:path'

const MACHINE_FILE = '/etc/ports/config.json'

/**
 * Keeps this process, and those that it starts, from using the settings of the user who runs it.
 * The machine's file cannot be hidden from them, so nothing runs where there is one.
 * @param {string} directory a directory that only this run uses
 */
export function useOwnSettings(directory) {
  if (existsSync(MACHINE_FILE)) {
    throw new Error(`This would use the settings of ${MACHINE_FILE}: run it on another machine.`)
  }
  process.env.XDG_CONFIG_HOME = join(directory, 'settings')
  for (const name of ['ACTOR', 'DATABASE_URL', 'DEFAULT_RANGES', 'HOSTNAME', 'RANGE_SIZE']) {
    delete process.env[`PORTS_${name}`]
  }
}
