import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { SOCKET_PORT, socketDirectory } from './socketDirectory.js'

/** As its pid file says; see `isAccepting` for whether that is still true. */
export function postmasterPid(data: string): number | undefined {
  return firstNumberIn(pidFile(data))
}

function pidFile(data: string): string {
  return join(data, 'postmaster.pid')
}

function firstNumberIn(file: string): number | undefined {
  const number = Number.parseInt(textOf(file), 10)
  return number > 0 ? number : undefined
}

/** Empty for a file that is not there, or went while it was read: a server may be stopping. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return ''
    throw error
  }
}

/**
 * After a crash the server's lock files stay, and PostgreSQL refuses to start while any process of
 * its user has the pid in them: in a restarted container often one does, and where nobody reaps
 * them the dead do; and for ever where there is no pid in them, as after a full disk. So unless that
 * process is this registry's server, the files go. PostgreSQL's other lock, on shared memory, still
 * guards the data.
 */
export function removeForeignLockFiles(data: string): void {
  const lockFiles = [pidFile(data), join(socketDirectory(data), `.s.PGSQL.${SOCKET_PORT}.lock`)]
  for (const file of lockFiles) {
    const pid = firstNumberIn(file)
    if (pid === undefined || !isServerOf(data, pid)) rmSync(file, { force: true })
  }
}

/** Also while it recovers and takes no connections yet. */
export function isPostmasterAlive(data: string): boolean {
  const pid = postmasterPid(data)
  return pid !== undefined && isServerOf(data, pid)
}

/**
 * Whether one of its processes brings the data up to date, as it starts and after a crash. True where
 * this system does not tell.
 */
export function isRecovering(data: string): boolean {
  const pid = postmasterPid(data)
  const children = `/proc/${pid}/task/${pid}/children`
  if (!existsSync(children)) return true
  return textOf(children)
    .split(' ')
    .some((child) => commandOf(Number(child)).startsWith('postgres: startup'))
}

/** Not just any process that names the directory, such as one that shows its files. */
function isServerOf(data: string, pid: number): boolean {
  return commandOf(pid).includes(`postgres -D ${data} -c `)
}

/** The command line of a process, in one line; empty for one that is gone or a zombie. */
function commandOf(pid: number): string {
  // Slim images have no ps.
  if (process.platform === 'linux') return textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
  return spawnSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)]).stdout.toString()
}
