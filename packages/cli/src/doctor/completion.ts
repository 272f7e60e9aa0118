import { readFile } from 'node:fs/promises'
import { basename, isAbsolute, join } from 'node:path'
import type { Check } from './Check.js'

type Shell = 'bash' | 'zsh' | 'fish'

interface Completion {
  /** Read by the shell when it starts. */
  readonly startFiles: readonly string[]
  /** Where it looks for the script of a command. */
  readonly scripts: readonly string[]
  readonly command: string
}

/** Whether the user's shell completes `ports`. */
export const completionCheck: Check = {
  name: 'completion',
  async run({ context }) {
    const { SHELL = '', HOME = '' } = context.environment
    const shell = basename(SHELL)
    if (!isKnown(shell) || !isAbsolute(HOME)) return []
    const { startFiles, scripts, command } = completionOf(shell, context.environment)
    const [started, found] = await Promise.all([
      Promise.all(startFiles.map(textOf)),
      Promise.all(scripts.map(textOf)),
    ])
    if (started.some((text) => STARTS_IT.test(text)) || found.some((text) => text !== '')) {
      return [{ state: 'ok', message: `${shell} completes ports.` }]
    }
    return [{ state: 'warning', message: `${shell} does not complete ports.`, fix: command }]
  },
}

/** No comment. */
const STARTS_IT = /^[^#\n]*\bports completion\b/m

function isKnown(shell: string): shell is Shell {
  return ['bash', 'zsh', 'fish'].includes(shell)
}

function completionOf(shell: Shell, environment: NodeJS.ProcessEnv): Completion {
  const { HOME: home = '', XDG_DATA_HOME, XDG_CONFIG_HOME, ZDOTDIR } = environment
  switch (shell) {
    case 'bash':
      return {
        startFiles: [
          ...['.bashrc', '.bash_profile', '.profile', '.bash_completion'].map((name) =>
            join(home, name),
          ),
          '/etc/bash.bashrc',
        ],
        scripts: [
          join(XDG_DATA_HOME || join(home, '.local/share'), 'bash-completion/completions/ports'),
          '/usr/local/share/bash-completion/completions/ports',
          '/usr/share/bash-completion/completions/ports',
          '/etc/bash_completion.d/ports',
        ],
        command: `echo 'source <(ports completion bash)' >> ~/.bashrc`,
      }
    case 'zsh':
      return {
        startFiles: ['.zshrc', '.zprofile'].map((name) => join(ZDOTDIR || home, name)),
        scripts: [
          '/usr/local/share/zsh/site-functions/_ports',
          '/usr/share/zsh/site-functions/_ports',
        ],
        command: `echo 'source <(ports completion zsh)' >> ~/.zshrc`,
      }
    case 'fish': {
      const directory = join(XDG_CONFIG_HOME || join(home, '.config'), 'fish')
      return {
        startFiles: ['config.fish', 'conf.d/ports.fish'].map((name) => join(directory, name)),
        scripts: [join(directory, 'completions/ports.fish')],
        command: `ports completion fish > ${join(directory, 'completions/ports.fish')}`,
      }
    }
  }
}

/** Empty if there is no such file, or it may not be read. */
function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '')
}
