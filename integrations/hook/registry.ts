import { execFile } from 'node:child_process'

/** The parts of `ports explain --json` that decide. */
export interface Explained {
  readonly port: number
  readonly summary: string
  readonly verdict: 'listening' | 'not-listening' | 'unknown'
  readonly hasUnknownProcess: boolean
  readonly processes: readonly { readonly directory?: string; readonly whose: string }[]
  readonly container?: { readonly composeDirectory?: string }
  readonly holder?: { readonly directory?: string }
}

const TIMEOUT_MS = 5_000

/** @throws if the program is missing, fails, or is another one of the same name */
export async function explain(cli: string, port: number, directory: string): Promise<Explained> {
  const printed = await outputOf(cli, ['explain', `${port}`, '--json'], directory)
  const explained = JSON.parse(printed)
  if (typeof explained.summary !== 'string' || !Array.isArray(explained.processes)) {
    throw new Error(`${cli} is not the port registry`)
  }
  return explained
}

/** What a program prints. @throws its first line on stderr, if it fails */
export function outputOf(program: string, args: readonly string[], cwd?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout)
      const [said] = stderr.trim().split('\n')
      if (error.code === 'ENOENT') reject(new Error(`${program} is not on the PATH`))
      else reject(new Error(`${program} ${args[0]} failed: ${said || error.message}`))
    })
  })
}
