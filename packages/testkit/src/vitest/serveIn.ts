import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'

/** Prints its port, and listens until it is ended. */
const PROGRAM = `
  const server = require('node:net').createServer()
  server.once('error', ({ code }) => { process.stdout.write(code); process.exit() })
  server.listen(Number(process.argv[1]), process.argv[2], () =>
    process.stdout.write(String(server.address().port)))`

export interface Served {
  readonly port: number
  readonly pid: number
  /** Resolves when it has ended. */
  end(): Promise<void>
}

/**
 * A process in a directory that listens on a port until the test is over.
 * @param port default: one that is available
 * @throws if it cannot listen, with the code of the error, such as EADDRINUSE
 */
export async function serveIn(directory: string, port = 0, host = '127.0.0.1'): Promise<Served> {
  const child = spawn(process.execPath, ['-e', PROGRAM, `${port}`, host], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const end = async () => {
    child.kill('SIGKILL')
    await exited
  }
  onTestFinished(end)
  const [told] = await once(child.stdout, 'data')
  if (!Number(told)) throw new Error(String(told))
  return { port: Number(told), pid: child.pid!, end }
}
