import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Debian puts the server's programs there, and not on the PATH. */
const DEBIAN = '/usr/lib/postgresql'

export interface PgbenchOptions {
  readonly url: string
  readonly clients: number
  readonly seconds: number
  readonly variables: Readonly<Record<string, string | number>>
  readonly signal: AbortSignal
}

/**
 * Runs a script with prepared statements, without a pause, on as many connections as clients.
 * @returns how often the script ran in a second, without the time to connect
 * @throws {Error} if pgbench is missing, a client was aborted or a transaction failed
 */
export async function pgbench(
  script: URL,
  { url, clients, seconds, variables, signal }: PgbenchOptions,
) {
  const { stdout } = await promisify(execFile)(
    findPgbench(),
    [
      '--no-vacuum',
      ...['--protocol', 'prepared'],
      ...['--client', String(clients)],
      ...['--jobs', String(Math.min(clients, availableParallelism()))],
      // pgbench counts in whole seconds.
      ...(seconds < 0.5 ? ['--transactions', '10'] : ['--time', String(Math.round(seconds))]),
      ...Object.entries(variables).flatMap(([name, value]) => ['-D', `${name}=${value}`]),
      ...['--file', fileURLToPath(script)],
      url,
    ],
    { signal },
  )
  const rate = /^tps = ([\d.]+) /m.exec(stdout)
  if (!rate || !/^number of failed transactions: 0 /m.test(stdout)) throw new Error(stdout)
  return Number(rate[1])
}

function findPgbench() {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN) : []
  const newestFirst = versions.sort((one, other) => Number(other) - Number(one))
  const directories = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...newestFirst.map((version) => join(DEBIAN, version, 'bin')),
  ]
  const found = directories.map((directory) => join(directory, 'pgbench')).find(existsSync)
  if (found) return found
  throw new Error(
    `pgbench is neither on the PATH nor in ${DEBIAN}/*/bin. On Debian: apt-get install postgresql`,
  )
}
