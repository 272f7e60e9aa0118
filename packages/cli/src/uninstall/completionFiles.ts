import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { COMPLETION_SCRIPTS } from '../completionScripts.js'

type Shell = keyof typeof COMPLETION_SCRIPTS

/** A line that makes a shell complete `ports`. No comment. */
const STARTS_IT = /^[^#\n]*\bports completion\b/

export interface CompletionFiles {
  /** Files in the user's home that are a script of `ports completion` and nothing else. */
  readonly scripts: readonly string[]
  /** The same in directories of the machine. */
  readonly ofMachine: readonly string[]
  /** Lines of the user's own files that load one, as `file:line`. */
  readonly lines: readonly string[]
}

export function completionFiles(environment: NodeJS.ProcessEnv): CompletionFiles {
  const { HOME: home = '', XDG_DATA_HOME, XDG_CONFIG_HOME, ZDOTDIR } = environment
  if (!isAbsolute(home)) return { scripts: [], ofMachine: [], lines: [] }
  const fish = join(XDG_CONFIG_HOME || join(home, '.config'), 'fish')
  const data = XDG_DATA_HOME || join(home, '.local/share')
  return {
    scripts: [
      ...scriptsOf('bash', join(data, 'bash-completion/completions/ports')),
      ...scriptsOf('fish', join(fish, 'completions/ports.fish')),
    ],
    ofMachine: [
      ...scriptsOf(
        'bash',
        '/etc/bash_completion.d/ports',
        '/usr/local/share/bash-completion/completions/ports',
        '/usr/share/bash-completion/completions/ports',
      ),
      ...scriptsOf(
        'zsh',
        '/usr/local/share/zsh/site-functions/_ports',
        '/usr/share/zsh/site-functions/_ports',
      ),
    ],
    lines: [
      ...['.bashrc', '.bash_profile', '.profile', '.bash_completion'].map((name) =>
        join(home, name),
      ),
      ...['.zshrc', '.zprofile'].map((name) => join(ZDOTDIR || home, name)),
      ...['config.fish', 'conf.d/ports.fish'].map((name) => join(fish, name)),
    ].flatMap(linesIn),
  }
}

function scriptsOf(shell: Shell, ...files: string[]): string[] {
  return files.filter((file) => isScript(shell, textOf(file)))
}

/** One of another version, too. */
function isScript(shell: Shell, text: string): boolean {
  const lines = COMPLETION_SCRIPTS[shell].trim().split('\n')
  return text.startsWith(`${lines[0]}\n`) && text.trim().endsWith(`\n${lines.at(-1)}`)
}

function linesIn(file: string): string[] {
  return textOf(file)
    .split('\n')
    .flatMap((line, index) => (STARTS_IT.test(line) ? [`${file}:${index + 1}`] : []))
}

/** Empty if there is no such file, or it may not be read. */
function textOf(file: string): string {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  } catch {
    return ''
  }
}
