import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { sum } from 'simple-statistics'
import { exited, ignoreAbort } from './childProcess.js'

const PROGRAM = fileURLToPath(new URL('listener.js', import.meta.url))
/** A loopback address that nothing else uses. */
const ADDRESS = '127.77.0.1'
/** Well below any limit of open files. */
const MAX_PER_PROCESS = 500

export interface Listeners extends AsyncDisposable {
  /** Excludes the ports that other processes use. */
  readonly count: number
}

/** Starts processes that listen on every second port from the first one. */
export async function listen(
  firstPort: number,
  count: number,
  signal: AbortSignal,
): Promise<Listeners> {
  const children: ChildProcessByStdio<Writable, Readable, null>[] = []
  for (let done = 0; done < count; done += MAX_PER_PROCESS) {
    const share = Math.min(MAX_PER_PROCESS, count - done)
    const args = [PROGRAM, ADDRESS, firstPort + 2 * done, share].map(String)
    const child = spawn(process.execPath, args, { signal, stdio: ['pipe', 'pipe', 'inherit'] })
    ignoreAbort(child)
    children.push(child)
  }
  const counts = await Promise.all(children.map(({ stdout }) => once(stdout, 'data')))
  return {
    count: sum(counts.map(([line]) => Number(line))),
    async [Symbol.asyncDispose]() {
      for (const { stdin } of children) stdin.end()
      await Promise.all(children.map(exited))
    },
  }
}
