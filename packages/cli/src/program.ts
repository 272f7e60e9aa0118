import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import packageJson from '../package.json' with { type: 'json' }
import type { Context } from './Context.js'
import { allocateCommand } from './commands/allocate.js'
import { auditCommand } from './commands/audit.js'
import { checkoutsCommand } from './commands/checkouts.js'
import { claimCommand } from './commands/claim.js'
import { completeCommand } from './commands/complete.js'
import { completionCommand } from './commands/completion.js'
import { configCommand } from './commands/config.js'
import { dbCommand } from './commands/db.js'
import { doctorCommand } from './commands/doctor.js'
import { dumpCommand } from './commands/dump.js'
import { environmentCommand } from './commands/env.js'
import { explainCommand } from './commands/explain.js'
import { exportCommand } from './commands/export.js'
import { getCommand } from './commands/get.js'
import { historyCommand } from './commands/history.js'
import { hostsCommand } from './commands/hosts.js'
import { importCommand } from './commands/import.js'
import { initCommand } from './commands/init.js'
import { limitCommand } from './commands/limit.js'
import { listCommand } from './commands/list.js'
import { loadCommand } from './commands/load.js'
import { moveCommand } from './commands/move.js'
import { pruneCommand } from './commands/prune.js'
import { rangeCommand } from './commands/range.js'
import { releaseCommand } from './commands/release.js'
import { renewCommand } from './commands/renew.js'
import { reservationsCommand } from './commands/reservations.js'
import { reserveCommand } from './commands/reserve.js'
import { restCommand } from './commands/rest.js'
import { runCommand } from './commands/run.js'
import { summaryCommand } from './commands/summary.js'
import { uninstallCommand } from './commands/uninstall.js'
import { unreserveCommand } from './commands/unreserve.js'
import { upCommand } from './commands/up.js'
import { updateCommand } from './commands/update.js'
import { verifyCommand } from './commands/verify.js'
import { watchCommand } from './commands/watch.js'
import { defaultCommand } from './defaultCommand.js'
import { fullName, usageError } from './usageError.js'

/** The commands by name, under their headings in the help. */
const COMMANDS: Record<string, Record<string, (context: Context) => CommandUnknownOpts>> = {
  'Running:': {
    run: runCommand,
    up: upCommand,
    env: environmentCommand,
    init: initCommand,
  },
  'Ports:': {
    get: getCommand,
    claim: claimCommand,
    allocate: allocateCommand,
    move: moveCommand,
    release: releaseCommand,
    renew: renewCommand,
    update: updateCommand,
    prune: pruneCommand,
  },
  'Inspecting:': {
    list: listCommand,
    history: historyCommand,
    hosts: hostsCommand,
    checkouts: checkoutsCommand,
    reservations: reservationsCommand,
    summary: summaryCommand,
    explain: explainCommand,
    verify: verifyCommand,
    audit: auditCommand,
    watch: watchCommand,
  },
  'Administration:': {
    range: rangeCommand,
    rest: restCommand,
    limit: limitCommand,
    reserve: reserveCommand,
    unreserve: unreserveCommand,
    import: importCommand,
    export: exportCommand,
    dump: dumpCommand,
    load: loadCommand,
    config: configCommand,
    db: dbCommand,
    doctor: doctorCommand,
    completion: completionCommand,
    uninstall: uninstallCommand,
  },
}

/**
 * Throws usage errors as `PortsError`s; only --help and --version end in a `CommanderError`. Builds
 * only the command that the command line begins with, because building all of them takes longer than
 * the answer of the database.
 */
export function createProgram(context: Context, args: readonly string[]): CommandUnknownOpts {
  const known = Object.values(COMMANDS).flatMap(Object.keys)
  if (known.includes(args[0] ?? '')) return settle(visibleProgram(context, [args[0]!]))
  const program = visibleProgram(context, known)
  const completed = () => settle(visibleProgram(context, known))
  return settle(program.addCommand(completeCommand(completed, context), { hidden: true }))
}

/**
 * The words up to the first that names no command of its group; undefined if all do. Commander
 * answers a request for help on such a word with the help of the group, as if it had found the
 * command.
 */
export function wordsToUnknown(program: CommandUnknownOpts, args: readonly string[]) {
  const words: string[] = []
  let command = program
  for (const word of args) {
    if (word === '--' || command.commands.length === 0) return undefined
    if (word.startsWith('-') || word === 'help') continue
    words.push(word)
    const next = command.commands.find((known) => known.name() === word)
    if (!next) return defaultCommand(command) ? undefined : words
    command = next
  }
  return undefined
}

function visibleProgram(context: Context, names: readonly string[]): CommandUnknownOpts {
  const { stdout, stderr, json } = context.output
  const program = new Command('ports')
    .description('The registry that gives every service a port of its own.')
    .version(packageJson.version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .option('--json', 'print results, and errors, as JSON')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: stdout.write,
      writeErr: (text) => json || stderr.write(text),
      // Errors are printed in one place, not here.
      outputError: () => {},
      getOutHelpWidth: () => stdout.columns ?? 80,
      getErrHelpWidth: () => stderr.columns ?? 80,
    })
    .addHelpText('after', MORE_HELP)
    .hook('preAction', (_program, command) => {
      const { all } = command.opts()
      if (all && command.args.length > 0) command.error('give a project, or --all')
      context.begin(fullName(command).replace(/^ports /, ''), command.args[0])
    })
  for (const [heading, commands] of Object.entries(COMMANDS)) {
    program.commandsGroup(heading)
    for (const [name, make] of Object.entries(commands)) {
      if (names.includes(name)) program.addCommand(make(context))
    }
  }
  // Added last, so that it is in the last group.
  return program.helpCommand('help [command]', 'show the help of a command')
}

/** Applies the settings to all commands. Commands that were made separately do not inherit them. */
function settle(command: CommandUnknownOpts): CommandUnknownOpts {
  command.exitOverride((error) => {
    throw error.exitCode === 0 ? error : usageError(command, error)
  })
  for (const child of command.commands) settle(child.copyInheritedSettings(command))
  return command
}

const MORE_HELP = `
Exit status:
    0  done
    1  no: no port yet; nothing to release, update or import; nothing listens; not running; a
       setting is not set; an import or an audit found conflicts; an exported file is out of date;
       a question was declined; doctor found a problem; uninstall found something to remove, or
       could not remove it
    2  malformed input
    3  the project has no range
    4  refused: the range is full, or a port or range is in the way
    5  the database: not made yet, unreachable, not accessible from a sandbox, damaged, not
       migrated, busy, or an unknown outcome
    6  cannot tell from here whether something listens
    7  a limit on the ports of a project or of an actor is reached
   70  a bug in ports
   74  the result could not be written
  125  ports run failed before it started the command
  126  ports run cannot run the command
  127  ports run did not find the command
  130  interrupted
Otherwise ports run ends with the exit status of the command.

With --json a command that fails prints nothing on stdout; the last line of stderr is
  {"error":{"code":"…","message":"…","details":{…}}}

Environment:
  PORTS_DATABASE_URL    the PostgreSQL database to use instead of the embedded one
  PORTS_HOME            where the embedded database lives
  PORTS_HOSTNAME        the name of this machine, where several share a registry
  PORTS_INSTANCE        the copy of the project, such as a git worktree, where no --instance is given
  PORTS_ACTOR           who asks, for the history
  PORTS_RANGE_SIZE      the size of a new range that is created without numbers
  PORTS_DEFAULT_RANGES  false: a new embedded registry begins without the default ranges
  PORTS_PASS_OVER       none: also allocate numbers that are in use, blocked or ephemeral
  NO_COLOR              no colour

Settings files can set all of these except PORTS_HOME, PORTS_INSTANCE, PORTS_PASS_OVER and
NO_COLOR. Programs that cron or an editor starts read these files too: ports config`
