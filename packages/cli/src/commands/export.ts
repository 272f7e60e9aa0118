import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import { PortsError } from '@ports/core'
import type { Context } from '../Context.js'
import type { ExportOptions } from '../export/exportPorts.js'
import type { Target } from '../export/Target.js'
import { TARGETS } from '../export/targets.js'
import { allOption, hostnameOption, instanceOption, projectArgument } from '../serviceOptions.js'

export function exportCommand(context: Context) {
  const group = new Command('export')
    .description('Print the ports as configuration of other programs, or write it to a file')
    .addHelpText('after', MORE_HELP)
  for (const target of TARGETS) {
    const make = target.isOfOneProject ? projectCommand : registryCommand
    group.addCommand(make(context, target).addHelpText('after', `${target.help}\n${OUTPUT_HELP}`))
  }
  return group.addCommand(templateCommand(context), { hidden: true, isDefault: true })
}

/** Exports the ports of all projects, or of one. */
function registryCommand(context: Context, target: Target): CommandUnknownOpts {
  return new Command(target.name)
    .description(target.description)
    .argument('[project]')
    .addOption(allOption)
    .addOption(onHostOption)
    .addOption(ofInstanceOption)
    .addOption(outputOption)
    .addOption(checkOption)
    .addOption(forceOption)
    .action((projectName, options) => exported(context, target, projectName, options))
}

/** Exports the ports of one instance of one project on one host. */
function projectCommand(context: Context, target: Target): CommandUnknownOpts {
  return new Command(target.name)
    .description(target.description)
    .addArgument(projectArgument)
    .addOption(instanceOption)
    .addOption(hostnameOption)
    .option('--file <file>', 'the file of the project that it adds to')
    .addOption(outputOption)
    .addOption(checkOption)
    .addOption(forceOption)
    .action((projectName, options) => exported(context, target, projectName, options))
}

/** Runs if the first word names no target. */
function templateCommand(context: Context): CommandUnknownOpts {
  return new Command('template')
    .description('Export the ports by a template of your own')
    .argument('[project]')
    .option('--template <file>', 'the template, in Liquid')
    .addOption(allOption)
    .addOption(onHostOption)
    .addOption(ofInstanceOption)
    .addOption(outputOption)
    .addOption(checkOption)
    .addOption(forceOption)
    .action(async (projectName, { template, ...options }) => {
      if (template === undefined) throw noTarget(projectName)
      const { templateTarget } = await import('../export/template.js')
      await exported(context, await templateTarget(template), projectName, options)
    })
}

async function exported(
  context: Context,
  target: Target,
  projectName: string | undefined,
  options: ExportOptions,
): Promise<void> {
  const { exportPorts } = await import('../export/exportPorts.js')
  await exportPorts(context, target, projectName, options)
}

function noTarget(word: string | undefined): PortsError {
  const names = TARGETS.map(({ name }) => name).join(', ')
  return new PortsError(
    'INVALID_ARGUMENT',
    `${word === undefined ? 'a target is missing' : `${word} is no target`}: give one of ${names}, ` +
      'or --template <file>\nSee: ports export --help',
    { targets: TARGETS.map(({ name }) => name) },
  )
}

const onHostOption = new Option('--hostname <host>', 'only ports on that host; on all unless given')

const ofInstanceOption = new Option(
  '--instance <name>',
  'only ports of that instance; of all unless given',
)

const outputOption = new Option('-o, --output <file>', 'write this file, or the block in it')

const checkOption = new Option('--check', 'write nothing; status 1 if the file would change')

const forceOption = new Option('--force', 'replace the file even if ports export did not write it')

const OUTPUT_HELP = `
Without --output it prints the file. With it, a file that is new, or that ports export wrote, is
replaced in one step. In any other file it replaces only what is between two lines

  # ports: begin
  # ports: end

The rest stays as it is. If the project is given, "# ports: begin <project>" takes precedence. With
--check nothing is written: the status is 1 if the file would change, and the difference is printed.`

const MORE_HELP = `
Services that need a public name get it with ports update <project> <service>
--cloudflare-hostname <host>. Leases that have ended are not exported.

Examples:
  ports export caddy > /etc/caddy/ports.caddy
  ports export nginx --output /etc/nginx/conf.d/ports.conf
  ports export compose shop --output compose.override.yaml
  ports export prometheus --output targets.yml --check
  ports export --template hosts.liquid shop`
