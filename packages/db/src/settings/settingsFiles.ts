import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** The settings of a machine. A field that the user's file has is taken from there. */
const MACHINE_FILE = '/etc/ports/config.json'

/** The files that settings are read from, the strongest first. They need not exist. */
export function settingsFiles(): readonly string[] {
  const own = userFile()
  return own === undefined ? [MACHINE_FILE] : [own, MACHINE_FILE]
}

/** The settings of the user, as XDG has it; undefined for one who has no home directory. */
export function userFile(): string | undefined {
  const directory = process.env.XDG_CONFIG_HOME
  // By the XDG Base Directory Specification a relative path is ignored.
  if (directory && isAbsolute(directory)) return join(directory, 'ports', 'config.json')
  const home = homeDirectory()
  return isAbsolute(home) ? join(home, '.config', 'ports', 'config.json') : undefined
}

/** Empty for a uid without an entry in the user database and without `HOME`. */
function homeDirectory(): string {
  try {
    return homedir()
  } catch {
    return ''
  }
}
