import { Argument, Command } from '@commander-js/extra-typings'

export function completionCommand() {
  return new Command('completion')
    .description('Print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish'] as const))
    .addHelpText('after', MORE_HELP)
    .action(async (shell) => {
      const { script } = await import('@bomb.sh/tab')
      script(shell, 'ports', 'ports')
    })
}

const MORE_HELP = `
Examples:
  source <(ports completion bash)
  source <(ports completion zsh)
  ports completion fish | source`
