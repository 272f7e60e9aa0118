import { type ExecFileException, execFile } from 'node:child_process'
import { existsSync } from 'node:fs'

/** The parts of `ports explain --json` that decide. */
export interface Explained {
  readonly port: number
  readonly summary: string
  readonly verdict: 'listening' | 'not-listening' | 'unknown'
  readonly hasUnknownProcess: boolean
  readonly processes: readonly {
    readonly directory?: string
    readonly container?: object
    readonly whose: string
  }[]
  readonly containers?: readonly { readonly composeDirectory?: string }[]
  readonly holder?: { readonly directory?: string }
  /** Why there is no registry, if there is none. */
  readonly noRegistry?: string
}

/** @throws if the program is missing, fails, or is another one of the same name */
export async function explain(cli: string, port: number): Promise<Explained> {
  const { stdout, stderr, error } = await run(cli, ['explain', `${port}`, '--json'])
  if (error) throw new Error(`${cli} explain ${whyFailed(error, stderr)}`)
  const explained = JSON.parse(stdout)
  if (typeof explained.summary !== 'string' || !Array.isArray(explained.processes)) {
    throw new Error(`${cli} is not the port registry`)
  }
  return explained
}

/** With --json the program reports an error as JSON. */
function whyFailed({ killed, message }: ExecFileException, stderr: string): string {
  if (killed) return `did not answer within ${TIMEOUT_MS / 1_000} s`
  const reported = /"message":(?<text>"(?:[^"\\]|\\.)*")/.exec(stderr)?.groups?.text
  const told = reported ? JSON.parse(reported) : stderr.trim() || message
  return `failed: ${told.split('\n')[0]}`
}

/**
 * The lines that a program prints. None if it fails, as `pgrep` and `docker port` do if they find
 * nothing, or if there is no such directory.
 * @throws if the program is missing
 */
export async function linesOf(
  program: string,
  args: readonly string[],
  directory?: string,
): Promise<string[]> {
  if (directory !== undefined && !existsSync(directory)) return []
  const { stdout, error } = await run(program, args, directory)
  return error ? [] : stdout.split('\n').filter(Boolean)
}

interface Ran {
  readonly stdout: string
  readonly stderr: string
  readonly error: ExecFileException | null
}

const TIMEOUT_MS = 5_000

function run(program: string, args: readonly string[], cwd?: string): Promise<Ran> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      if (error?.code === 'ENOENT') reject(new Error(`${program} is not on the PATH`))
      else resolve({ stdout, stderr, error })
    })
  })
}
