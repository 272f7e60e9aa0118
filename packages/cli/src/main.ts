#!/usr/bin/env node
import { isatty } from 'node:tty'
import { CommanderError } from '@commander-js/extra-typings'
import { type OpenOptions, type PortManager, PortsError } from '@ports/core'
import type { Context } from './Context.js'
import { failureOf } from './failure.js'
import { withImpliedProject } from './impliedProject.js'
import { Output } from './Output.js'
import { commandIn, createProgram, wordsToUnknown } from './program.js'
import { screenOf } from './Screen.js'

/** 128 + SIGINT, as shells count. */
const INTERRUPTED = 130
/** The status of env(1) and timeout(1) if they fail before they start the command. */
const NOT_STARTED = 125
/** EX_IOERR of sysexits.h. */
const IO_ERROR = 74
/** How long a call has to report its outcome after Ctrl-C, in milliseconds. */
const LAST_WORD = 250

const { args, wrapped } = wrappedCommand(process.argv.slice(2))
const output = new Output(
  screenOf(process.stdout, process.env),
  screenOf(process.stderr, process.env),
  asksForJson(args),
)
const interruption = new AbortController()
const databaseOptions = { notify: (message: string) => output.notice(message) }
const source = {
  open: async (options: OpenOptions) =>
    (await import('@ports/db')).openRepository({ ...databaseOptions, ...options }),
  openRunning: async () => (await import('@ports/db')).openRunningRepository(databaseOptions),
}
let manager: PortManager | undefined

let asked: { command: string; projectName: string | undefined } = {
  command: '',
  projectName: undefined,
}

const context: Context = {
  output,
  begin: (command, projectName) => {
    asked = { command, projectName }
  },
  signal: interruption.signal,
  database: {
    status: async () => (await import('@ports/db')).databaseStatus(databaseOptions),
    start: async () => (await import('@ports/db')).startDatabase(databaseOptions),
    stop: async () => (await import('@ports/db')).stopDatabase(databaseOptions),
    migrate: async () => (await import('@ports/db')).migrate(databaseOptions),
    seed: async () => (await import('@ports/db')).seed(databaseOptions),
    defaultRanges: async () => (await import('@ports/db')).defaultRanges(),
    grant: async (role, level) =>
      (await import('@ports/db')).grantAccess(role, level, databaseOptions),
    files: async () => (await import('@ports/db')).registryFiles(databaseOptions),
    remove: async () => (await import('@ports/db')).removeRegistry(databaseOptions),
  },
  settings: {
    list: async () => (await import('@ports/db/settings')).listSettings(),
    get: async (field) => {
      const { readSetting, validFieldName } = await import('@ports/db/settings')
      return readSetting(validFieldName('field', field))
    },
    set: async (field, text) => (await import('@ports/db/settings')).writeSetting(field, text),
    ownFiles: async () => (await import('@ports/db/settings')).ownSettingsFiles(),
  },
  machine: {
    socketState: async (data) => (await import('@ports/db')).socketState(data),
    unixSocketRefusal: async () => (await import('@ports/db')).unixSocketRefusal(),
    hiddenHomeRefusal: async () => (await import('@ports/db')).hiddenHomeRefusal(),
    programsRefusal: async () => (await import('@ports/db')).programsRefusal(),
    otherRegistries: async () => (await import('@ports/db')).otherRegistries(),
    settingsFileStates: async () => (await import('@ports/db/settings')).settingsFileStates(),
  },
  openManager: async () => {
    if (manager) return manager
    const [{ PortManager }, { callerDefaults, namesDatabase }] = await Promise.all([
      import('@ports/core'),
      import('@ports/db/settings'),
    ])
    const defaults = callerDefaults()
    manager ??= new PortManager({ ...source, defaults }, { ownerUid: ownerUid(namesDatabase()) })
    return manager
  },
  askRunning: async (question, answerTimeoutMs) => {
    const [{ PortManager }, { openWithoutWaiting }, settings] = await Promise.all([
      import('@ports/core'),
      import('@ports/db'),
      import('@ports/db/settings'),
    ])
    const running = await openWithoutWaiting({ answerTimeoutMs })
    if (!running) return undefined
    try {
      const open = async () => running
      const opener = { open, openRunning: open, defaults: settings.callerDefaults() }
      const owner = ownerUid(settings.namesDatabase())
      return await question(new PortManager(opener, { ownerUid: owner }))
    } finally {
      await running.close()
    }
  },
  confirm: canAsk()
    ? async (question) => (await import('./confirm.js')).confirm(question, interruption.signal)
    : undefined,
  wrapped,
  environment: process.env,
  handOver: () => process.off('SIGINT', interrupt),
  endWith: (status) => {
    process.exitCode = status
  },
  answerNo: () => {
    process.exitCode = 1
  },
}

// Handled once, so that a second Ctrl-C ends the process at once.
process.once('SIGINT', interrupt)

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader has read enough, as `head` does.
  if (error.code === 'EPIPE') process.exit()
  output.notice(`error: the result could not be written: ${error.message}`)
  process.exit(IO_ERROR)
})
process.stderr.on('error', () => {})

const program = createProgram(context, args)
try {
  const words = withImpliedProject(() => createProgram(context, args), args)
  await program.parseAsync([...(wordsToUnknown(program, words) ?? words)], { from: 'user' })
} catch (error) {
  process.exitCode = await statusOf(error)
} finally {
  await manager?.close()
}

function interrupt(): void {
  interruption.abort()
  setTimeout(() => process.exit(INTERRUPTED), LAST_WORD).unref()
}

/** Whether there is a terminal to ask on, and to answer on. */
function canAsk(): boolean {
  return isatty(0) && Boolean(process.stderr.isTTY)
}

/** An embedded registry belongs to its user, except that root's serves the whole machine. */
function ownerUid(isExternal: boolean): number | undefined {
  const uid = process.getuid?.()
  return isExternal || uid === 0 ? undefined : uid
}

async function statusOf(error: unknown): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode
  const isWrapper = firstWord(args) === 'run'
  const interrupted = interruption.signal.aborted
  // An interrupted write may have happened, and only a PortsError says so.
  if (interrupted && !(error instanceof PortsError)) return INTERRUPTED
  const ofCommand = { ...asked, openManager: context.openManager }
  const failure = await failureOf(error, ofCommand, commandIn(program, args))
  output.failure(failure)
  if (interrupted) return INTERRUPTED
  return isWrapper ? NOT_STARTED : failure.status
}

/** The first word except `--json`, which may stand before it. */
function firstWord(args: readonly string[]): string | undefined {
  return args.find((word) => word !== '--json')
}

/**
 * The words after `--` in a call of `ports run`. They are a command of its own, and not parsed
 * here.
 */
function wrappedCommand(args: readonly string[]) {
  const end = firstWord(args) === 'run' ? args.indexOf('--') : -1
  if (end === -1) return { args, wrapped: undefined }
  return { args: args.slice(0, end), wrapped: args.slice(end + 1) }
}

/** Determined before anything is parsed, because an error of parsing is JSON too. */
function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end === -1 ? args : args.slice(0, end)).includes('--json')
}
