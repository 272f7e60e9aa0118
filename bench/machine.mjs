import { spawnSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'

/**
 * Where and when a run was made, with which versions. Asked at its end, so that the load of the
 * machine is that of the whole run: what is above its own share came from others.
 */
export async function describeMachine(databases, { pairs, seconds }) {
  const postgres = (await databases.setting('server_version')).split(' ')[0]
  const started = new Date()
  const load = [loadavg()[0]]
  const watch = setInterval(() => load.push(loadavg()[0]), 10_000)
  watch.unref()
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' })
  return () => {
    const minutes = Math.round((Date.now() - started) / 60_000)
    const mean = load.reduce((sum, value) => sum + value, 0) / load.length
    return (
      `${started.toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ` +
      `${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}, ` +
      `PostgreSQL ${postgres}, commit ${commit.stdout?.trim() || 'unknown'}; ${pairs} pairs of ` +
      `${seconds} s a side, ${minutes} minutes in all; load average ${mean.toFixed(1)} ` +
      `(before: ${load[0].toFixed(1)}).`
    )
  }
}
