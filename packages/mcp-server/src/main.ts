#!/usr/bin/env node
import { inspect } from 'node:util'
import {
  EXIT_STATUS,
  excerpt,
  type OpenOptions,
  PortManager,
  PortsError,
  printableLines,
} from '@ports/core'
import { callerDefaults, namesDatabase } from '@ports/db/settings'
import { agentLimits } from './agentLimits.js'
import { textFor } from './commandLine.js'
import { createServer } from './index.js'
import { StdioTransport } from './StdioTransport.js'

/** How long a call may still run once the client is gone. */
const GRACE_MS = 5000

/** The longest entry of the log, in characters: enough for a stack and its cause. */
const MAX_ENTRY = 4000
/** If nobody reads the log, no more than this is kept. */
const MAX_UNREAD_BYTES = 256 * 1024

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

answerArguments()

// Loaded only when it is needed: the client's first question must not wait for a database driver.
const source = {
  open: async (options: OpenOptions) =>
    (await import('@ports/db')).openRepository({ ...options, notify: log }),
  openRunning: async () => (await import('@ports/db')).openRunningRepository({ notify: log }),
}
const manager = managerOfThisHost()
const server = createServer(manager)
server.onerror = (error) => log(inspect(error))

/** Standard output belongs to the protocol. */
function log(message: string): void {
  if (process.stderr.writableLength > MAX_UNREAD_BYTES) return
  process.stderr.write(`ports-mcp: ${excerpt(printableLines(message), MAX_ENTRY)}\n`)
}

/** Ends the process if it was started for anything but to serve. */
function answerArguments(): void {
  try {
    const text = textFor(process.argv.slice(2))
    if (text === undefined) return
    process.stdout.write(text)
    process.exit()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    log(`${error.message}. See: ports-mcp --help`)
    process.exit(EXIT_STATUS.INVALID_ARGUMENT)
  }
}

function managerOfThisHost(): PortManager {
  try {
    const defaults = callerDefaults()
    const limits = agentLimits(process.env)
    return new PortManager(
      { ...source, defaults },
      { ownerUid: ownerUid(namesDatabase()), ...(limits && { limits }) },
    )
  } catch (error) {
    // A setting can be wrong. The user who set it reads the log. A model would read the answers.
    if (!(error instanceof PortsError)) throw error
    log(error.message)
    process.exit(EXIT_STATUS[error.code])
  }
}

/** An embedded registry belongs to its user, except that root's serves the whole machine. */
function ownerUid(isExternal: boolean): number | undefined {
  const uid = process.getuid?.()
  return isExternal || uid === 0 ? undefined : uid
}

/**
 * Takes no more requests. Those that were read are still answered, because a client may close its
 * end right after its last request. Then the process ends.
 */
function end(): void {
  process.stdin.destroy()
  // A second signal ends the process at once.
  for (const signal of SIGNALS) process.off(signal, end)
  setTimeout(() => process.exit(), GRACE_MS).unref()
}

const transport = new StdioTransport(process.stdin, process.stdout, log)
transport.oninputend = end
process.stdout.on('error', end)
for (const signal of SIGNALS) process.on(signal, end)
process.once('beforeExit', () => manager.close())

await server.connect(transport)
if (process.stdin.isTTY) log('Waiting for an MCP client on standard input. See: ports-mcp --help')
