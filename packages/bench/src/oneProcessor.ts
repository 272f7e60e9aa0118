import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import type pg from 'pg'

/**
 * Runs the work with this process and the database server on one processor, together with the
 * processes that either of them starts. Two processes that take turns need two to three times as long
 * if the scheduler puts them on two processors, which it does for seconds at a time. Latencies could
 * not be compared otherwise.
 * @param postmaster undefined if the server runs on another machine
 */
export async function onOneProcessor<Result>(
  postmaster: number | undefined,
  work: () => Promise<Result>,
) {
  if (postmaster === undefined) return work()
  const before = [process.pid, postmaster].map((pid) => {
    const mask = taskset('-p', pid).trim().split(' ').at(-1)!
    taskset('-a', '-c', '-p', '0', pid)
    return { pid, mask }
  })
  try {
    return await work()
  } finally {
    for (const { pid, mask } of before) taskset('-a', '-p', mask, pid)
  }
}

/**
 * Returns the server's first process, the parent of those that serve connections, or undefined if it
 * runs on another machine.
 */
export async function postmasterOf(pool: pg.Pool) {
  const { rows } = await pool.query('select pg_backend_pid() as pid')
  const stat = `/proc/${rows[0].pid}/stat`
  if (!existsSync(stat)) return undefined
  const [name = '', rest = ''] = readFileSync(stat, 'utf8').split(') ')
  return name.includes('(postgres') ? Number(rest.split(' ')[1]) : undefined
}

/** Part of util-linux, which every Linux has. */
function taskset(...args: (string | number)[]) {
  return execFileSync('taskset', args.map(String), { encoding: 'utf8' })
}
