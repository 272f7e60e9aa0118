import { startProgram } from './startProgram.js'

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
  const command = [process.execPath, '-e', PROGRAM, `${port}`, host]
  const { pid, said, end } = await startProgram(directory, command)
  if (!Number(said)) throw new Error(said)
  return { port: Number(said), pid, end }
}
