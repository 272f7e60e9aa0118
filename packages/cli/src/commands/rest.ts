import { Argument, Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { projectArgument } from '../serviceOptions.js'
import { typedSeconds } from '../typedTime.js'

export function restCommand({ openManager, output, signal }: Context) {
  return new Command('rest')
    .description('Set or show how long a released number is kept for the service that held it')
    .addArgument(projectArgument)
    .addArgument(
      new Argument('[time]', 'such as 30m, 2h or 7d; 0: not at all').argParser(
        typedSeconds('time'),
      ),
    )
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, seconds) => {
      const ports = await openManager()
      if (seconds === undefined) {
        const { restSeconds } = await ports.getProjectSummary(projectName, { signal })
        const shown = { projectName, restSeconds }
        return output.result(shown, () => sentence(projectName, restSeconds))
      }
      const rest = await ports.setRest(projectName, seconds, { signal })
      output.outcome({ projectName, ...rest }, sentence(projectName, rest.restSeconds))
    })
}

function sentence(projectName: string, seconds: number): string {
  return seconds === 0
    ? `Released numbers of ${projectName} do not rest: any service can get them at once.`
    : `Released numbers of ${projectName} rest for ${inWords(seconds)}.`
}

const UNITS = { d: 86_400, h: 3_600, m: 60, s: 1 } as const

/** The length in the largest unit that divides it, in the form that the argument accepts. */
function inWords(seconds: number): string {
  const [unit, length] = Object.entries(UNITS).find(([, each]) => seconds % each === 0) ?? ['s', 1]
  return `${seconds / length}${unit}`
}

const MORE_HELP = `
Until the end of its rest, a number is given only to the service that held it last, in the same
instance. The rest begins with the release, or with the end of a lease. It continues while something
still listens on the number on this host. A new length also applies to numbers that rest already. 0
ends all rests. To list the numbers: ports list --resting

Examples:
  ports rest consilio 1h
  ports rest consilio 0
  ports rest consilio`
