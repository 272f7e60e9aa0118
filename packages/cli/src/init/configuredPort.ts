import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { invalidArgument, textOfFile } from '@ports/core'

/** A port that the configuration of a framework fixes. */
export interface ConfiguredPort {
  /** The name of the configuration file. */
  readonly file: string
  readonly port: number
}

/** Matches only an object that has literals and at most one level of nested objects before `port`. */
const portIn = (field: string) =>
  new RegExp(
    `\\b${field}\\s*:\\s*\\{(?:[^{}]|\\{[^{}]*\\})*?\\bport\\s*:\\s*(?<port>\\d{1,5})\\s*(?=[,}\\n])`,
  )

/** The configuration files of development servers, and the place of the port in each. */
const CONFIGURATIONS = [
  { file: /^(vite|astro|rsbuild)\.config\.[cm]?[jt]s$/, port: portIn('server') },
  { file: /^(nuxt|vue|webpack)\.config\.[cm]?[jt]s$/, port: portIn('devServer') },
  { file: /^angular\.json$/, port: /"serve"\s*:[\s\S]*?"port"\s*:\s*(?<port>\d{1,5})/ },
]

const COMMENTS = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm

/**
 * The port that a framework's configuration in the directory fixes with a literal.
 * @throws {PortsError} `INVALID_ARGUMENT` if the directory cannot be read
 */
export function configuredPort(directory: string): ConfiguredPort | undefined {
  for (const file of filesIn(directory)) {
    const configuration = CONFIGURATIONS.find((each) => each.file.test(file))
    if (!configuration) continue
    const text = textOfFile(join(directory, file))?.replace(COMMENTS, '')
    const port = configuration.port.exec(text ?? '')?.groups?.port
    if (port !== undefined) return { file, port: Number(port) }
  }
  return undefined
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort()
  } catch (error) {
    const reason = (error as Error).message
    throw invalidArgument('directory', directory, `one that can be read (${reason})`)
  }
}
