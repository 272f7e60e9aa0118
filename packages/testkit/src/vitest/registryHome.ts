import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { tempDirectory } from '../home.js'
import { cleanEnvironment, portsWith } from '../programs.js'

/**
 * A registry home that does not exist. A registry that is created there is removed
 * when the test ends.
 */
export function registryHome(name = 'registry'): string {
  const parent = tempDirectory('ports-home-')
  const home = join(parent, name)
  const ports = portsWith(cleanEnvironment({ PORTS_HOME: home }))
  onTestFinished(async () => {
    const { dataDirectory } = JSON.parse((await ports('db', 'status', '--json')).stdout)
    await ports('db', 'stop')
    // The data of a server that cannot enter the home are elsewhere.
    if (dataDirectory) rmSync(dirname(dataDirectory), { recursive: true, force: true })
    rmSync(parent, { recursive: true, force: true })
  })
  return home
}
