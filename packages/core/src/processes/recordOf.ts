import { excerpt } from '../excerpt.js'
import type { ProcessRecord } from '../ProcessStore.js'
import { processesHere } from './ProcessTable.js'

/** The highest pid that Linux assigns (PID_MAX_LIMIT of the kernel's include/linux/threads.h). */
export const MAX_PID = 4_194_304

const MAX_COMMAND = 200
/** The same limit as for the directory of a checkout. */
const MAX_DIRECTORY = 600

/**
 * The record that identifies a process of this host. Undefined if the process has ended, and on
 * systems other than Linux and macOS.
 */
export async function recordOf(pid: number): Promise<ProcessRecord | undefined> {
  const process = await processesHere()?.identify(pid)
  if (!process) return undefined
  const { started, directory, command } = process
  return {
    pid,
    started,
    ...(directory && directory.length <= MAX_DIRECTORY && { directory }),
    ...(command && { command: excerpt(command, MAX_COMMAND) }),
  }
}
