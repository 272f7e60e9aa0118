import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** The settings of the machine. Those of the user's file take precedence. */
const MACHINE_FILE = '/etc/ports/config.json'

/** The settings files, in the order of precedence. They need not exist. */
export function settingsFiles(): readonly string[] {
  const own = userFile()
  return own === undefined ? [MACHINE_FILE] : [own, MACHINE_FILE]
}

/** The user's file, where XDG puts it; undefined for a user without a home directory. */
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
