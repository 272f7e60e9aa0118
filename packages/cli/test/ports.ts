import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const BINARY = fileURLToPath(new URL('../dist/main.js', import.meta.url))

export interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly status: number | null
}

type Environment = Readonly<Record<string, string>>

/**
 * A user with nothing else set; a registry home of the machine's own is never touched, its settings
 * are not read, and what listens on the machine decides nothing.
 */
export function environmentOn(url: string, more: Environment = {}): Environment {
  return {
    PATH: process.env.PATH ?? '',
    PORTS_HOME: join(tmpdir(), 'ports-no-registry'),
    PORTS_DATABASE_URL: url,
    PORTS_PASS_OVER: 'none',
    XDG_CONFIG_HOME: process.env.XDG_CONFIG_HOME ?? '',
    ...more,
  }
}

/** The built command on a database. Neither of its streams is a terminal. */
export function portsOn(url: string, more: Environment = {}) {
  return (...args: string[]): Promise<Ended> =>
    ended(process.execPath, [BINARY, ...args], environmentOn(url, more))
}

export function ended(
  command: string,
  args: string[],
  env: Environment,
  cwd?: string,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', (status) => resolve({ stdout, stderr, status }))
  })
}
