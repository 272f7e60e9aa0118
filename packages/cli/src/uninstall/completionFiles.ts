import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { completionPlaces, type Shell, STARTS_COMPLETION } from '../completionPlaces.js'
import { COMPLETION_SCRIPTS } from '../completionScripts.js'

export interface CompletionFiles {
  /** Files in the user's home that are a script of `ports completion` and nothing else. */
  readonly scripts: readonly string[]
  /** The same in directories of the machine. */
  readonly ofMachine: readonly string[]
  /** Lines of the user's own files that load one, as `file:line`. */
  readonly lines: readonly string[]
}

export function completionFiles(environment: NodeJS.ProcessEnv): CompletionFiles {
  const { HOME: home = '' } = environment
  if (!isAbsolute(home)) return { scripts: [], ofMachine: [], lines: [] }
  const { bash, zsh, fish } = completionPlaces(home, environment)
  return {
    scripts: [...scriptsOf('bash', bash.scripts), ...scriptsOf('fish', fish.scripts)],
    ofMachine: [...scriptsOf('bash', bash.machineScripts), ...scriptsOf('zsh', zsh.machineScripts)],
    lines: [bash, zsh, fish].flatMap(({ startFiles }) => startFiles.flatMap(linesIn)),
  }
}

function scriptsOf(shell: Shell, files: readonly string[]): string[] {
  return files.filter((file) => isScript(shell, textOf(file)))
}

/** True also for a script of another version. */
function isScript(shell: Shell, text: string): boolean {
  const lines = COMPLETION_SCRIPTS[shell].trim().split('\n')
  return text.startsWith(`${lines[0]}\n`) && text.trim().endsWith(`\n${lines.at(-1)}`)
}

function linesIn(file: string): string[] {
  return textOf(file)
    .split('\n')
    .flatMap((line, index) => (STARTS_COMPLETION.test(line) ? [`${file}:${index + 1}`] : []))
}

/** Empty if there is no such file, or it may not be read. */
function textOf(file: string): string {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  } catch {
    return ''
  }
}
