import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Does the work with this process and the database server on one processor, and so what either
 * starts meanwhile. Two processes that take turns need two to three times as long where the scheduler
 * puts them on two processors, which it does for seconds at a time: a comparison of latencies would
 * show its mood.
 * @template Result
 * @param {number | undefined} postmaster its process, where it is one of this machine
 * @param {() => Promise<Result>} work
 * @returns {Promise<Result>}
 */
export async function onOneProcessor(postmaster, work) {
  if (postmaster === undefined) return work()
  const pids = [process.pid, postmaster]
  const before = pids.map((pid) => taskset('-p', pid).trim().split(' ').at(-1))
  for (const pid of pids) taskset('-a', '-c', '-p', '0', pid)
  try {
    return await work()
  } finally {
    for (const [index, pid] of pids.entries()) taskset('-a', '-p', before[index], pid)
  }
}

/**
 * The server's first process, parent of all that serve a connection; undefined where it runs on
 * another machine.
 * @param {import('pg').Pool} pool
 */
export async function postmasterOf(pool) {
  const { rows } = await pool.query('select pg_backend_pid() as pid')
  try {
    const [comm, rest] = readFileSync(`/proc/${rows[0].pid}/stat`, 'utf8').split(') ')
    return comm.includes('(postgres') ? Number(rest.split(' ')[1]) : undefined
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Of util-linux, so on every Linux. */
function taskset(...args) {
  const { status, error, stdout, stderr } = spawnSync('taskset', args.map(String), {
    encoding: 'utf8',
  })
  if (error) throw error
  if (status !== 0) throw new Error(`taskset ${args.join(' ')}: ${stderr}`)
  return stdout
}
