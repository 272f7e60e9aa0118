import { join } from 'node:path'
import type { COMPLETION_SCRIPTS } from './completionScripts.js'

export type Shell = keyof typeof COMPLETION_SCRIPTS

interface Places {
  /** Files of the user that the shell reads when it starts. */
  readonly startFiles: readonly string[]
  /** The places in the user's home where the shell looks for the script of a command. */
  readonly scripts: readonly string[]
  /** The same for all users of the machine. */
  readonly machineScripts: readonly string[]
}

/** The places where each shell finds the completion of `ports`. */
export function completionPlaces(
  home: string,
  { XDG_DATA_HOME, XDG_CONFIG_HOME, ZDOTDIR }: NodeJS.ProcessEnv,
): Readonly<Record<Shell, Places>> {
  const data = XDG_DATA_HOME || join(home, '.local/share')
  const fish = join(XDG_CONFIG_HOME || join(home, '.config'), 'fish')
  return {
    bash: {
      startFiles: ['.bashrc', '.bash_profile', '.profile', '.bash_completion'].map((name) =>
        join(home, name),
      ),
      scripts: [join(data, 'bash-completion/completions/ports')],
      machineScripts: [
        '/etc/bash_completion.d/ports',
        '/usr/local/share/bash-completion/completions/ports',
        '/usr/share/bash-completion/completions/ports',
      ],
    },
    zsh: {
      startFiles: ['.zshrc', '.zprofile'].map((name) => join(ZDOTDIR || home, name)),
      scripts: [],
      machineScripts: [
        '/usr/local/share/zsh/site-functions/_ports',
        '/usr/share/zsh/site-functions/_ports',
      ],
    },
    fish: {
      startFiles: ['config.fish', 'conf.d/ports.fish'].map((name) => join(fish, name)),
      scripts: [join(fish, 'completions/ports.fish')],
      machineScripts: [],
    },
  }
}

/** Matches a line that makes a shell complete `ports`, but no comment. */
export const STARTS_COMPLETION = /^[^#\n]*\bports completion\b/m
