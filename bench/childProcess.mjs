import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export const CLI = built('cli')
export const MCP_SERVER = built('mcp-server')

function built(name) {
  return fileURLToPath(new URL(`../packages/${name}/dist/main.js`, import.meta.url))
}

/**
 * The environment of a shell script's programs, without anything that could slow one side down. The
 * listeners of this machine do not matter in it.
 */
export function environmentOf(home) {
  return { PATH: process.env.PATH, HOME: home, PORTS_HOME: home, PORTS_PASS_OVER: 'none' }
}

/**
 * Milliseconds from the start of a process to its end, standard output read.
 * @throws {Error} if it does not end with status 0: what fails is not fast
 */
export async function wallTime(command, args, { env, signal, cwd } = {}) {
  const started = performance.now()
  const child = spawn(command, args, { env, signal, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let complaint = ''
  child.stdout.resume()
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaint += text
  })
  const [status] = await once(child, 'close')
  const duration = performance.now() - started
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${complaint}`)
  return duration
}

/** How long Node needs to start and do nothing. */
export function bareNode({ env, signal }) {
  return wallTime(process.execPath, ['-e', '0'], { env, signal })
}
