import { cpus, totalmem } from 'node:os'

/** The day and the machine of a run, for its report. */
export function describeMachine(started = new Date()): string {
  const processors = cpus()
  return (
    `${started.toISOString().slice(0, 10)}, ${processors[0]?.model.trim()}, ` +
    `${processors.length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`
  )
}
