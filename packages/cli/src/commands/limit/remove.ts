import { Command } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'
import { limitedActorOption, limitedProjectOption, nameOfSubject, typedSubject } from './subject.js'

export function removeLimitCommand({ openManager, output, signal, answerNo }: Context) {
  return new Command('remove')
    .description('Remove the limits of a project or of actors')
    .addOption(limitedProjectOption)
    .addOption(limitedActorOption)
    .addHelpText('after', MORE_HELP)
    .action(async (typed, command) => {
      const subject = typedSubject(typed)
      if (!subject) return command.error('give --project or --actor')
      const ports = await openManager()
      const removed = await ports.removeLimit(subject, { signal })
      if (removed) {
        const result = { removed: true, ...removed }
        return output.outcome(result, `Removed the limits of ${nameOfSubject(removed)}.`)
      }
      output.outcome(
        { removed: false, ...subject },
        `Nothing to remove: ${nameOfSubject(subject)} has no limits.`,
      )
      answerNo()
    })
}

const MORE_HELP = `
The actor is written as in the limit, with its asterisks. To see all limits: ports limit list

Example:
  ports limit remove --actor 'claude*'`
