import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import { isAbsent, PortsError } from '@ports/core'
import type { Context } from '../Context.js'
import type { ExportOptions } from '../export/exportPorts.js'
import type { Target, TargetCommand } from '../export/Target.js'
import { TARGETS } from '../export/targets.js'
import { allOption, hostnameOption, instanceOption, projectArgument } from '../serviceOptions.js'

export function exportCommand(context: Context) {
  const group = new Command('export')
    .description(
      'Print the configuration of another program with the ports in it, or write it to a file',
    )
    .addHelpText('after', MORE_HELP)
  for (const target of TARGETS) {
    const make = target.ofOneProject ? projectCommand : registryCommand
    group.addCommand(make(context, target).addHelpText('after', `${target.help}\n${OUTPUT_HELP}`))
  }
  return group.addCommand(templateCommand(context), { hidden: true, isDefault: true })
}

/** Exports the ports of all projects, or of one. */
function registryCommand(context: Context, target: TargetCommand): CommandUnknownOpts {
  return new Command(target.name)
    .description(target.description)
    .argument('[project]')
    .addOption(allOption)
    .addOption(onHostOption)
    .addOption(ofInstanceOption)
    .addOption(outputOption)
    .addOption(checkOption)
    .addOption(forceOption)
    .action((projectName, options) => exported(context, target, { projectName, ...options }))
}

/** Exports the ports of one instance of one project on one host. */
function projectCommand(context: Context, target: TargetCommand): CommandUnknownOpts {
  return new Command(target.name)
    .description(target.description)
    .addArgument(projectArgument)
    .addOption(instanceOption)
    .addOption(hostnameOption)
    .option('--file <file>', target.ofOneProject!.file)
    .addOption(outputOption)
    .addOption(checkOption)
    .addOption(forceOption)
    .action((projectName, options) => exported(context, target, { projectName, ...options }))
}

/** Runs if the first word names no target. */
function templateCommand(context: Context): CommandUnknownOpts {
  return new Command('template')
    .description('Export the ports with your own template')
    .argument('[project]')
    .option('--template <file>', 'the template, in Liquid')
    .addOption(allOption)
    .addOption(onHostOption)
    .addOption(ofInstanceOption)
    .addOption(outputOption)
    .addOption(checkOption)
    .addOption(forceOption)
    .action(async (projectName, { template, ...options }) => {
      if (isAbsent(template)) throw noTarget(projectName)
      const { templateTarget } = await import('../export/template.js')
      await exported(context, await templateTarget(template), { projectName, ...options })
    })
}

async function exported(context: Context, target: Target, options: ExportOptions): Promise<void> {
  const { exportPorts } = await import('../export/exportPorts.js')
  await exportPorts(context, target, options)
}

function noTarget(word: string | undefined): PortsError {
  const names = TARGETS.map(({ name }) => name).join(', ')
  return new PortsError(
    'INVALID_ARGUMENT',
    `${word === undefined ? 'a target is missing' : `${word} is not a target`}. Choose ${names}, ` +
      'or --template <file>\nSee: ports export --help',
    { targets: TARGETS.map(({ name }) => name) },
  )
}

const onHostOption = new Option('--hostname <host>', 'only ports on that host; default: all hosts')

const ofInstanceOption = new Option(
  '--instance <name>',
  'only ports of that instance; default: all instances',
)

const outputOption = new Option(
  '-o, --output <file>',
  'write to this file, or to the marked block in it',
)

const checkOption = new Option('--check', 'write nothing; status 1 if the file would change')

const forceOption = new Option('--force', 'replace the file even if ports export did not write it')

const OUTPUT_HELP = `
Without --output the whole file is printed. With --output, a new file is written, and a file that
ports export wrote for the same target is replaced atomically. In any other file, only the text
between these two lines is replaced:

  # ports: begin
  # ports: end

If a project is named, the lines "# ports: begin <project>" and "# ports: end <project>" take
precedence. A file that has blocks only for other projects is refused. So is one that cannot be
replaced without losing its owner or a hard link. A symbolic link is followed.

--check writes nothing. If the file would change, it prints the difference and ends with status 1.`

const MORE_HELP = `
The address of a service on localhost is 127.0.0.1. On another host it is the name of that host. To
set the public name of a service: ports update <project> <service> --cloudflare-hostname <host>. If
several instances of a service have the same public name, it leads to the primary instance.

For other formats, write a template in Liquid (https://liquidjs.com):

  ports export --template <file> [project]

A template can use these variables. An unknown one is an error.

  ports     a list with, for each port: project, service, instance, hostname, protocol, port,
            address (host:port), type, description, cloudflareHostname
  services  a list with, for each service on a host: the same for the port that ports get prints,
            but with the service's name as name, not service; and all of its ports as ports
  projects  a list with, for each project: name, services

Each list is sorted by name. The instance is null for the primary instance, and a text that is not
set is null. Each text is one line without control characters. The filter json quotes it. The markers
of a block can be in comments of any kind, such as "// ports: begin". A file is replaced if its first
line contains "Written by ports export.", or with --force.

Examples:
  ports export nginx --output /etc/nginx/conf.d/ports.conf
  ports export compose shop --output compose.override.yaml
  ports export prometheus --output targets.yml --check
  ports export --template hosts.liquid shop > hosts.txt`
