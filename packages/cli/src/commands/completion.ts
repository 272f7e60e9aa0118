import { Argument, Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { COMPLETION_SCRIPTS } from '../completionScripts.js'

export function completionCommand({ output }: Context) {
  return new Command('completion')
    .description('Print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish'] as const))
    .addHelpText('after', MORE_HELP)
    .action((shell) => output.stdout.write(COMPLETION_SCRIPTS[shell]))
}

const MORE_HELP = `
Examples:
  source <(ports completion bash)
  source <(ports completion zsh)
  ports completion fish | source`
