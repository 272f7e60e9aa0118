import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const CLI = built('cli')
export const MCP_SERVER = built('mcp-server')

function built(name: string): string {
  return fileURLToPath(new URL(`../../${name}/dist/main.js`, import.meta.url))
}

export type Environment = Readonly<Record<string, string>>

export interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly status: number | null
}

/**
 * An environment that has only the path of this process and the settings of `useHome`. Programs in
 * it ignore the listeners of this machine.
 */
export function cleanEnvironment(more: Environment): Environment {
  const { PATH = '', XDG_CONFIG_HOME = '' } = process.env
  return { PATH, XDG_CONFIG_HOME, PORTS_PASS_OVER: 'none', ...more }
}

/** The environment of a user of that database who has no registry home. */
export function environmentOn(url: string, more: Environment = {}): Environment {
  const PORTS_HOME = join(tmpdir(), 'ports-no-registry')
  return cleanEnvironment({ PORTS_HOME, PORTS_DATABASE_URL: url, ...more })
}

/** The built command line. Neither of its streams is a terminal. */
export function portsWith(env: Environment, directory?: string) {
  return (...args: string[]): Promise<Ended> =>
    ended(process.execPath, [CLI, ...args], env, directory)
}

/** The built command line on a database. */
export function portsOn(url: string, more?: Environment) {
  return portsWith(environmentOn(url, more))
}

/** The same in a directory. */
export function portsIn(directory: string, url: string, more?: Environment) {
  return portsWith(environmentOn(url, more), directory)
}

/** Runs a program to its end. */
export function ended(
  command: string,
  args: readonly string[],
  env: Environment,
  cwd?: string,
  input?: string,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const stdin = input === undefined ? 'ignore' : 'pipe'
    const child = spawn(command, args, { env, cwd, stdio: [stdin, 'pipe', 'pipe'] })
    // The program may end before it has read its input.
    child.stdin?.on('error', () => {}).end(input)
    let stdout = ''
    let stderr = ''
    child.stdout!.setEncoding('utf8').on('data', (text) => {
      stdout += text
    })
    child.stderr!.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', (status) => resolve({ stdout, stderr, status }))
  })
}
