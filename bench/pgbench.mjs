import { execFile } from 'node:child_process'
import { accessSync, constants, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Where Debian puts the server's programs, which are not on the PATH. */
const DEBIAN = '/usr/lib/postgresql'

/**
 * @throws {Error} that says how to get it, where there is none
 */
export function findPgbench() {
  const directories = (process.env.PATH ?? '').split(delimiter).concat(debianDirectories())
  const found = directories.map((directory) => join(directory, 'pgbench')).find(isExecutable)
  if (found) return found
  throw new Error(
    `pgbench is neither on the PATH nor in ${DEBIAN}/*/bin. On Debian: apt-get install postgresql`,
  )
}

/**
 * Runs a script of sql/ with prepared statements, without a pause, over as many connections.
 * @param {string} program
 * @param {string | URL} script
 * @param {{ url: string, clients: number, seconds: number, variables?: Record<string, unknown>,
 * signal: AbortSignal }} options
 * @returns {Promise<number>} how often the script ran in a second, connecting not counted
 * @throws {Error} if a client was aborted or a transaction failed
 */
export async function pgbench(program, script, { url, clients, seconds, variables, signal }) {
  const { stdout } = await promisify(execFile)(
    program,
    [
      '--no-vacuum',
      ...['--protocol', 'prepared'],
      ...['--client', String(clients)],
      ...['--jobs', String(Math.min(clients, availableParallelism()))],
      // It counts in whole seconds.
      ...(seconds < 0.5 ? ['--transactions', '10'] : ['--time', String(Math.round(seconds))]),
      ...Object.entries(variables ?? {}).flatMap(([name, value]) => ['-D', `${name}=${value}`]),
      ...['--file', fileURLToPath(script)],
      url,
    ],
    { signal },
  )
  if (!/^number of failed transactions: 0 /m.test(stdout)) throw new Error(stdout)
  const rate = /^tps = ([\d.]+) /m.exec(stdout)
  if (!rate) throw new Error(stdout)
  return Number(rate[1])
}

function debianDirectories() {
  try {
    const versions = readdirSync(DEBIAN).sort((one, other) => Number(other) - Number(one))
    return versions.map((version) => join(DEBIAN, version, 'bin'))
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
