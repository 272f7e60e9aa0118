import { spawnSync } from 'node:child_process'
import { loadavg, release } from 'node:os'
import { describeMachine } from '@ports/testkit'
import { mean } from 'simple-statistics'

const LOAD_INTERVAL_MS = 10_000

/**
 * Returns a function that says where and when the run was made, and with which versions. It is called
 * at the end, because it includes the average load of the whole run. The part that exceeds the load of
 * the run itself came from other processes.
 */
export function watchMachine(serverVersion: string, { pairs, seconds }: Record<string, number>) {
  const started = new Date()
  const load = [loadavg()[0]!]
  setInterval(() => load.push(loadavg()[0]!), LOAD_INTERVAL_MS).unref()
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' })
  return () => {
    const minutes = Math.round((Date.now() - started.getTime()) / 60_000)
    return (
      `${describeMachine(started)}, Linux ${release()}, Node ${process.version}, ` +
      `PostgreSQL ${serverVersion}, commit ${commit.stdout?.trim() || 'unknown'}; ${pairs} pairs, ` +
      `${seconds} s for each side, ${minutes} minutes in all; load average ` +
      `${mean(load).toFixed(1)} (at the start: ${load[0]!.toFixed(1)}).`
    )
  }
}
