import { Command } from '@commander-js/extra-typings'
import { counted, workingDirectory } from '@ports/core'
import type { Context } from '../Context.js'
import { writeTextFile } from '../writeTextFile.js'

export function initCommand({ output, confirm, answerNo }: Context) {
  return new Command('init')
    .description('Write a ports.json for this repository from what is there')
    .option('--dry-run', 'print the file and write nothing')
    .option('--yes', 'do not ask')
    .addHelpText('after', MORE_HELP)
    .action(async ({ dryRun, yes }) => {
      const { proposeProject } = await import('../init/proposeProject.js')
      const { path, file, omissions } = proposeProject(workingDirectory())
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
      await writeTextFile(path, content, 'wx')
      const count = Object.keys(file.services).length
      output.outcome(
        { path, file, omissions, written },
        `Wrote ${path} with ${counted(count, 'service')}.`,
      )
    })
}

const MORE_HELP = `
A service for each package of the repository with a dev or start script, and for what has a port
in a Procfile, in a Compose service that is built here, and in .env. The file says what the
services are: a number is in it, as preferredPort, only where a file fixes it, such as
--port 3000 in a script or server.port in vite.config.ts. What is left out is said, in lines that
begin with -. It never overwrites a ports.json. It asks before it writes, except with --yes, with
--json and without a terminal.

$schema is the path of the schema in node_modules if @ports/core is there, else its name,
@ports/core/ports.schema.json.

Examples:
  ports init --dry-run
  ports init --yes`
