import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { useOwnSettings } from '../../../test/ownSettings.mjs'

/**
 * Creates a registry home for this run, so that the registry of the user is not touched. All users can
 * enter it, because under root the server has an account of its own.
 */
export function makeHome() {
  const home = mkdtempSync(join(tmpdir(), 'ports-bench-'))
  chmodSync(home, 0o755)
  process.env.PORTS_HOME = home
  useOwnSettings(home)
  // Each measurement says whether it looks at the listeners of this machine.
  delete process.env.PORTS_PASS_OVER
  return home
}
