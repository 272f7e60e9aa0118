import type { AccessLevel, PortManager, PortRange } from '@ports/core'
import type { DatabaseStatus, OtherRegistry, RegistryFiles, Seeded, SocketState } from '@ports/db'
import type { Setting, SettingsFileState, WrittenSetting } from '@ports/db/settings'
import type { Output } from './Output.js'

/** Everything outside a command that it may use. */
export interface Context {
  readonly output: Output
  /** Called with the command that runs, as it is typed after `ports`, and its first argument. */
  begin(command: string, argument: string | undefined): void
  /** Aborted by Ctrl-C: for every call that may wait. */
  readonly signal: AbortSignal
  readonly database: Database
  readonly settings: SettingsFile
  readonly machine: Machine
  /** The registry. Its database is opened by the first call that needs one. */
  openManager(): Promise<PortManager>
  /**
   * Asks the registry if its database is running already; makes, starts and waits for nothing.
   * @param answerTimeoutMs for the connection, and for each answer; half a second by default
   * @returns undefined if there is no embedded registry
   * @throws {PortsError} `DATABASE_UNAVAILABLE` if it is not running
   */
  askRunning<Answer>(
    question: (ports: PortManager) => Promise<Answer>,
    answerTimeoutMs?: number,
  ): Promise<Answer | undefined>
  /** Asks on the terminal. Undefined if nobody can answer there. */
  readonly confirm: ((question: string) => Promise<boolean>) | undefined
  /** The words after `--`, for a command that runs another one. Undefined without `--`. */
  readonly wrapped: readonly string[] | undefined
  /** The environment that a program which the command runs inherits. */
  readonly environment: NodeJS.ProcessEnv
  /** From now on the program that the command runs handles Ctrl-C and determines the exit status. */
  handOver(): void
  /** Ends the command with the status of the program that it ran. */
  endWith(status: number): void
  /** Ends the command with status 1: it did what it was asked, and the answer is no. */
  answerNo(): void
}

/** The settings of this machine, and where each comes from. */
interface SettingsFile {
  /** All settings; a database URL without its password. */
  list(): Promise<Setting[]>
  get(field: string): Promise<Setting>
  /** Writes the field to the user's file, or removes it if the text is empty. */
  set(field: string, text: string): Promise<WrittenSetting>
  /** The user's file, and the files that a killed writer of it has left. */
  ownFiles(): Promise<readonly string[]>
}

/**
 * The parts of a machine that `ports doctor` looks at. None of this makes, starts or changes
 * anything.
 */
interface Machine {
  /** The state of the socket of the embedded server with that data directory. */
  socketState(dataDirectory: string): Promise<SocketState>
  /** The system's message if this process may not use Unix sockets; undefined if it may. */
  unixSocketRefusal(): Promise<string | undefined>
  /** Why the machine's embedded registry cannot be seen; undefined if it can. */
  hiddenHomeRefusal(): Promise<string | undefined>
  /** Why there is no embedded PostgreSQL for this machine; undefined if there is one. */
  programsRefusal(): Promise<string | undefined>
  otherRegistries(): Promise<readonly OtherRegistry[]>
  settingsFileStates(): Promise<readonly SettingsFileState[]>
}

/** The database as an admin sees it. */
interface Database {
  status(): Promise<DatabaseStatus>
  start(): Promise<DatabaseStatus>
  stop(): Promise<boolean>
  migrate(): Promise<string[]>
  seed(): Promise<Seeded>
  /** The ranges that a new registry has. */
  defaultRanges(): Promise<PortRange[]>
  grant(role: string, level: AccessLevel): Promise<void>
  /** The files of the embedded registry. */
  files(): Promise<RegistryFiles>
  /** Stops the server, and removes these files. Safe to repeat. */
  remove(): Promise<RegistryFiles>
}
