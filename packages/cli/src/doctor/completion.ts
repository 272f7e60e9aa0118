import { readFile } from 'node:fs/promises'
import { basename, isAbsolute } from 'node:path'
import { completionPlaces, type Shell, STARTS_COMPLETION } from '../completionPlaces.js'
import type { Check } from './Check.js'

interface Completion {
  /** The files that the shell reads when it starts. */
  readonly startFiles: readonly string[]
  /** The places where it looks for a completion script of `ports`. */
  readonly scripts: readonly string[]
  /** The command that sets it up. */
  readonly command: string
}

/** Checks whether the user's shell completes `ports`. */
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
    if (started.some((text) => STARTS_COMPLETION.test(text)) || found.some((text) => text !== '')) {
      return [{ state: 'ok', message: `${shell} completes ports.` }]
    }
    return [{ state: 'warning', message: `${shell} does not complete ports.`, fix: command }]
  },
}

function isKnown(shell: string): shell is Shell {
  return ['bash', 'zsh', 'fish'].includes(shell)
}

function completionOf(shell: Shell, environment: NodeJS.ProcessEnv): Completion {
  const { HOME: home = '' } = environment
  const { startFiles, scripts, machineScripts } = completionPlaces(home, environment)[shell]
  const places = { startFiles, scripts: [...scripts, ...machineScripts] }
  switch (shell) {
    case 'bash':
      return {
        ...places,
        startFiles: [...startFiles, '/etc/bash.bashrc'],
        command: `echo 'source <(ports completion bash)' >> ~/.bashrc`,
      }
    case 'zsh':
      return { ...places, command: `echo 'source <(ports completion zsh)' >> ~/.zshrc` }
    case 'fish':
      return { ...places, command: `ports completion fish > ${scripts[0]}` }
  }
}

/** Empty if the file does not exist or cannot be read. */
function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '')
}
