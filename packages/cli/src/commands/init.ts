import { Command } from '@commander-js/extra-typings'
import { counted } from '@ports/core'
import type { Context } from '../Context.js'
import { writeNewFile } from '../writeNewFile.js'

export function initCommand({ output, confirm, answerNo }: Context) {
  return new Command('init')
    .description('Write a ports.json from what this repository contains')
    .option('--dry-run', 'print the file and write nothing')
    .option('--yes', 'do not ask')
    .addHelpText('after', MORE_HELP)
    .action(async ({ dryRun, yes }) => {
      const { proposeProject } = await import('../init/proposeProject.js')
      const { directoryHere } = await import('../run/here.js')
      const { path, file, omissions } = proposeProject(directoryHere())
      const content = `${JSON.stringify(file, null, 2)}\n`
      if (!output.json) {
        for (const { place, reason } of omissions) output.notice(`- ${place}: ${reason}`)
      }
      const written = !dryRun
      if (dryRun) return output.result({ path, file, omissions, written }, () => content.trimEnd())

      if (!output.json) output.notice(`${path}:\n${content.trimEnd()}`)
      if (!yes && !output.json && confirm && !(await confirm('Write it? [y/N] '))) {
        output.notice('Nothing was written.')
        return answerNo()
      }
      // Fails if another process has made the file in the meantime.
      await writeNewFile('file', path, content)
      const count = Object.keys(file.services).length
      output.outcome(
        { path, file, omissions, written },
        `Wrote ${path} with ${counted(count, 'service')}.`,
      )
    })
}

const MORE_HELP = `
The file gets a service for each of these: a package of the repository with a dev or start script, a
process in the Procfile, a variable in .env that is a port, and a service with a port that a Compose
file builds. It contains a number, as preferredPort, only if a file fixes it, such as --port 3000 in
a script or server.port in vite.config.ts. Lines that begin with - say what is left out.

It asks before it writes, except with --yes, with --json or without a terminal. It never overwrites
an existing ports.json. The file names its $schema only if ports is installed in node_modules of the
repository, because another path would differ from machine to machine.

Examples:
  ports init --dry-run
  ports init --yes`
